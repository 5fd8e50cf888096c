import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Results } from "@softmax-bench/core";
import { parseResults, ResultsError } from "@softmax-bench/core/results";
import { isSystemError, messageOf, UsageError } from "./errors.js";

/** A results file and where it is. */
export interface ResultsFile {
  readonly name: string;
  readonly file: string;
  /** The run folder that it lies in; undefined for a file by itself. */
  readonly folder: string | undefined;
  readonly results: Results;
}

/** Larger files are no results of ours, and would not fit in a string. */
const LARGEST_BYTES = 400e6;

/**
 * Reads results by what a user calls them: `latest`, the id of a run in `out`, a run folder, or a file.
 * @throws UsageError if there are none, or the file is not one of results
 */
export function readResultsFile(name: string, out: string): ResultsFile {
  const file = fileOf(name, out);
  try {
    const { size } = statSync(file);
    if (size > LARGEST_BYTES)
      throw new UsageError(`${file} has ${size} bytes; results have at most ${LARGEST_BYTES}`);
    const results = parseResults(readFileSync(file, "utf8"));
    const isRun = basename(file) === "results.json";
    const folder = isRun ? dirname(file) : undefined;
    return { name: isRun ? basename(dirname(file)) : basename(file), file, folder, results };
  } catch (error) {
    if (error instanceof ResultsError || isSystemError(error)) {
      throw new UsageError(`${file} is not a results file: ${messageOf(error)}`);
    }
    throw error;
  }
}

function fileOf(name: string, out: string): string {
  const found = candidatesOf(name, out).find((path) => existsSync(path) && statSync(path).isFile());
  if (found) return found;
  const runs = runsIn(out);
  const known = runs.length ? `runs there: ${runs.slice(-3).join(", ")}` : "there are no runs";
  throw new UsageError(
    `no results of ${JSON.stringify(name)}: neither a file, nor a run folder, nor a run in ${out}; ${known}`,
  );
}

function candidatesOf(name: string, out: string): string[] {
  if (name === "latest") {
    const latest = runsIn(out).at(-1);
    return latest ? [join(out, latest, "results.json")] : [];
  }
  return [name, join(name, "results.json"), join(out, name, "results.json")];
}

/** Ids of finished or stopped runs, oldest first: they begin with the time. */
function runsIn(out: string): string[] {
  if (!existsSync(out)) return [];
  return readdirSync(out)
    .filter((name) => existsSync(join(out, name, "results.json")))
    .sort();
}
