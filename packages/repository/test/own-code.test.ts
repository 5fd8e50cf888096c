import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseResults } from "@softmax-bench/core/results";
import { describe, expect, it } from "vitest";
import { followReadme } from "./follow-readme.js";
import { ROOT } from "./root.js";

/** Registries take their time. */
const TIMEOUT_MS = 600_000;

/** The errors of `tsc` in an example with types of its own. @param more options of `tsc` */
function typeErrors(copy: string, more: readonly string[]): string {
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const files = readdirSync(copy).filter((name) => name.endsWith(".ts"));
  if (files.length === 0) return "";
  const options = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--types", ""];
  const lib = ["--lib", "es2023,esnext.disposable,dom", "--allowImportingTsExtensions"];
  try {
    execFileSync(process.execPath, [tsc, ...options, ...lib, ...more, ...files], {
      cwd: copy,
      encoding: "utf8",
    });
    return "";
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

/** Follows the README of an example, whose tests pass. @param options of `tsc` */
function testAndMeasure(example: string, options: readonly string[] = []) {
  const { copy, printed } = followReadme(example);
  expect(printed[1]).toMatch(/Tests .*\d+ passed/);
  expect(typeErrors(copy, options)).toBe("");
  return { copy, printed };
}

/** The cells of a copy's first run that were measured. */
function measuredIn(copy: string) {
  const [run = ""] = readdirSync(join(copy, "bench-results")).sort();
  const json = readFileSync(join(copy, "bench-results", run, "results.json"), "utf8");
  return parseResults(json).cells.filter(({ status }) => status === "ok");
}

const WORKLOADS = ["cifar-head-16", "imagenet-head-16", "seed-128", "vocab-1"];

/**
 * Takes a minute or two, most of which npm installs packages. `own-backends.test.ts` and `own-methods.test.ts` of the runner
 * measure both without.
 */
describe("the examples of code from outside of the repository, installed from what is packed", () => {
  it("own-backend: passes the suite and is measured, as its README says", {
    tags: "nightly",
    timeout: TIMEOUT_MS,
  }, () => {
    const { copy, printed } = testAndMeasure("own-backend");
    expect(printed).toHaveLength(3);
    const measured = measuredIn(copy);
    const mine = measured.filter(({ backend }) => backend === "my-backend");
    expect(mine.map(({ method, dtype, workload }) => [method, dtype, workload].join(" ")).sort()).toEqual(
      ["float32", "float64"].flatMap((dtype) =>
        WORKLOADS.map((workload) => `manual/shifted ${dtype} ${workload}`),
      ),
    );
    for (const { accuracy, dtype } of mine) {
      // Its arithmetic is in doubles: at most the roundings of a sum of 50,000 of them, and the one to float32.
      expect(accuracy?.gradient.relL2).toBeLessThan(dtype === "float32" ? 2 ** -24 : 2 ** -50);
      expect(accuracy?.gradient.relL2).toBeGreaterThan(0);
    }
    expect(measured.some(({ backend }) => backend === "wasm-simd")).toBe(true);
  });

  it("own-loss: matches the oracle and is measured, swept and checked, as its README says", {
    tags: "nightly",
    timeout: TIMEOUT_MS,
  }, () => {
    // TensorFlow.js brings types of WebGPU, which those of a browser's page have, too.
    const { copy, printed } = testAndMeasure("own-loss", ["--skipLibCheck"]);
    expect(printed).toHaveLength(5);
    const mine = measuredIn(copy).filter(({ method }) => method.startsWith("mine/"));
    expect(
      mine.map(({ backend, method, dtype, workload }) => [backend, method, dtype, workload].join(" ")).sort(),
    ).toEqual(
      [
        "javascript mine/loops float32",
        "javascript mine/loops float64",
        "tfjs-wasm mine/log-sum-exp float32",
      ].flatMap((method) => WORKLOADS.map((workload) => `${method} ${workload}`)),
    );
    expect(printed[3]).toContain("mine/loops stays within 4 ULP all along.");
    expect(printed[4]).toContain("Within their tolerances: 3 of 3 gradients.");
  });

  it.each(["kernel-tfjs", "kernel-onnxruntime"])(
    "%s: trains alike by both losses, as its README says",
    {
      tags: "nightly",
      timeout: TIMEOUT_MS,
    },
    (example) => {
      const { printed } = testAndMeasure(example);
      expect(printed).toHaveLength(3);
      const losses = Array.from(
        (printed[2] ?? "").matchAll(/: loss ([\d.]+) to ([\d.]+), [\d.]+ ms a step$/gm),
        ([, ...numbers]) => numbers.map(Number),
      );
      expect(losses).toHaveLength(2);
      const [[first = 0, last = 0] = [], kernel = []] = losses;
      expect(kernel[0]).toBeCloseTo(first, 3);
      expect(kernel[1]).toBeCloseTo(last, 2);
      expect(last).toBeLessThan(first);
      expect(printed[2]).toMatch(/^a step takes \d\.\d\d of the time$/m);
    },
  );
});
