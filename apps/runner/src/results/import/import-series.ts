import { basename } from "node:path";
import { isSystemError, messageOf } from "@softmax-bench/core";
import { describeIssue } from "@softmax-bench/core/results";
import type { Series } from "@softmax-bench/regression";
import type { z } from "zod";
import { readText } from "../../fs/read-regular-file.js";
import { UsageError } from "../../terminal/errors.js";
import { bencherPerf, bencherSeries } from "./bencher.js";
import { githubActionBenchmarkData, githubActionBenchmarkSeries } from "./github-action-benchmark.js";

/** The beginning of github-action-benchmark's data.js. It is a script, and is read as JSON, never run. */
const SCRIPT_PREFIX = /^window\.BENCHMARK_DATA\s*=\s*/;

const EXPECTED =
  "expected data.js of github-action-benchmark (window.BENCHMARK_DATA = {…}), its JSON, or the JSON of bencher perf";

/** The series of another tool's file, by branch. @throws UsageError with the field that is wrong */
export function importSeries(file: string): ReadonlyMap<string, readonly Series[]> {
  const value = parseJson(file);
  const has = (field: string) => typeof value === "object" && value !== null && Object.hasOwn(value, field);
  if (has("entries")) {
    const series = githubActionBenchmarkSeries(parse(file, githubActionBenchmarkData, value));
    return new Map([[basename(file), series]]);
  }
  if (has("results")) return bencherSeries(parse(file, bencherPerf, value));
  throw new UsageError(`${file} has neither entries nor results; ${EXPECTED}`);
}

function parseJson(file: string): unknown {
  let text: string;
  try {
    text = readText(file)
      .replace(/^\uFEFF/, "")
      .trim();
  } catch (error) {
    if (isSystemError(error)) throw new UsageError(`cannot read ${file}: ${messageOf(error)}; ${EXPECTED}`);
    throw new UsageError(`${file} ${messageOf(error)}; ${EXPECTED}`);
  }
  const isScript = SCRIPT_PREFIX.test(text);
  try {
    return JSON.parse(isScript ? text.replace(SCRIPT_PREFIX, "").replace(/;$/, "") : text);
  } catch (error) {
    throw new UsageError(`${file} is not JSON: ${messageOf(error)}; ${EXPECTED}`);
  }
}

function parse<T>(file: string, schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UsageError(`${file}: ${describeIssue(parsed.error, value)}; ${EXPECTED}`);
}
