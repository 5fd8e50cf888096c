import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cellKey } from "@softmax-bench/core";
import { parseResults } from "@softmax-bench/core/results";
import { describe, expect, it } from "vitest";
import { expectedCounts } from "../dist/gate/count-sides.js";
import {
  type ExpectedTime,
  expectedBisectionTime,
  expectedFileTime,
  expectedGateTime,
  firstLookSeconds,
  runSeconds,
  sayExpectedTime,
} from "../dist/gate/expected-time.js";
import { TimeBudget } from "../dist/gate/time-budget.js";
import { PROFILES } from "../dist/plan/profiles.js";

const RUNS = fileURLToPath(new URL("../../../docs/runs", import.meta.url));
const CELL = "wasm-simd manual/fused float32 16x10";
const CELLS = Array.from({ length: 40 }, (_, index) => `wasm-simd manual/fused float32 ${index + 2}x2`);
/** As many gradients on as many backends as `gate --error-only` takes by default. */
const GRADIENTS = Array.from({ length: 1472 }, (_, index) => `backend-${index % 8} m/${index} float32 2x2`);

/** Expects a prediction within a factor of 1.5 of what was measured. */
function expectNear(predicted: number | undefined, measured: number): void {
  expect(predicted).toBeGreaterThan(measured / 1.5);
  expect(predicted).toBeLessThan(measured * 1.5);
}

describe("the time that is stated in advance", () => {
  it("is that of a first look, errors, and a second look at one cell or at all", () => {
    expect(expectedGateTime([CELL]).text).toBe(
      "expected to take about 20 s for 1 cell, and about 100 s more if one needs a second look; plus the time to prepare the baseline, which is not known yet",
    );
    expect(expectedGateTime(CELLS).text).toMatch(
      / for 40 cells, .* if one needs a second look, .* if all do; /,
    );
  });

  it("is near that of whole gates of one commit, in which hardly a cell needed a second look", () => {
    const journal = readFileSync(join(RUNS, "20261130-gate-validation", "journal.jsonl"), "utf8");
    const gates = journal
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
      .filter(({ kind }) => kind === "A/A");
    expect(gates).toHaveLength(2);
    for (const { cells, seconds } of gates) {
      expectNear(firstLookSeconds(cells.map(({ cell }: { cell: string }) => cell)), seconds);
    }
  });

  it("includes counts of instructions", () => {
    expect(expectedGateTime([CELL], { counted: [2] }).text).toMatch(
      /^expected to take about .* for 1 cell, with about \d+ s to count the instructions of 2 cells, and /,
    );
  });

  it("is near the times of docs/regression-gate.md for errors alone, which several processes compute", () => {
    const { text, parts } = expectedGateTime(GRADIENTS, { only: "errors", atOnce: 2 });
    expect(text).toBe(
      "expected to take about 110 s for 1472 gradients, about 60 s if those of the baseline are known, and more if some differ; plus the time to prepare the baseline, which is not known yet",
    );
    const [known, unknown] = parts.map(({ endSeconds }) => endSeconds);
    expectNear(known, 54);
    expectNear(unknown, 131);
  });

  it("is twice as long for errors alone where one process computes, or all cells are of one backend", () => {
    const [alone, together] = [1, 2].map(
      (atOnce) => expectedGateTime(GRADIENTS, { only: "errors", atOnce }).parts[0]?.endSeconds ?? 0,
    );
    expect((alone ?? 0) / (together ?? 0)).toBeCloseTo(2, 1);
    const ofOne = GRADIENTS.map((cell) => cell.replace(/^\S+/, "wasm-simd"));
    expect(expectedGateTime(ofOne, { only: "errors", atOnce: 2 })).toEqual(
      expectedGateTime(ofOne, { only: "errors", atOnce: 1 }),
    );
  });

  it.each(["20261129-default", "20261129-pytorch-one-thread"])(
    "is that of a run where the baseline is a file: near that of %s",
    (name) => {
      const { run, cells } = parseResults(readFileSync(join(RUNS, name, "results.json"), "utf8"));
      const measured = cells.filter(({ status }) => status === "ok").map(cellKey);
      const seconds = (Date.parse(run.finishedAt) - Date.parse(run.startedAt)) / 1000;
      expectNear(runSeconds(measured, PROFILES.default), seconds);
    },
  );

  it("is that of one side where the baseline is a file", () => {
    expect(expectedFileTime([CELL], "smoke").text).toBe("expected to take about 10 s for 1 cell");
  });

  it("is that of all gates of a bisection", () => {
    const { text, parts } = expectedBisectionTime(CELL, 4);
    expect(text).toBe(
      "expected to take about 7.67 min at most: about 20 s for each gate, and about 100 s more for one that needs a second look; plus the time to build the revisions, which is not known yet",
    );
    // The nightly test's four gates, three of them with a second look, took 211 s.
    const [least, most] = parts.map(({ endSeconds }) => endSeconds);
    expect(least).toBeLessThan(211);
    expect(most).toBeGreaterThan(211);
    expect(most).toBeLessThan(2.5 * 211);
  });

  it("knows the number of counted cells of each backend before they are listed", () => {
    const timed = ["float32", "float64"].flatMap((dtype) =>
      ["vocab", "seed-3200"].flatMap((workload) =>
        ["wasm-simd", "tfjs-cpu", "onnxruntime-cpu"].map(
          (backend) => `${backend} manual/fused ${dtype} ${workload}`,
        ),
      ),
    );
    // One method on two dtypes, and the two usual workloads.
    expect(expectedCounts([], timed)).toEqual([4, 4]);
    expect(expectedCounts(["--workload", "vocab"], timed)).toEqual([2, 2]);
    expect(expectedCounts(["--cell", timed.slice(0, 3).join()], timed)).toEqual([1, 1]);
    expect(expectedCounts([], ["onnxruntime-cpu manual/fused float32 vocab"])).toEqual([]);
  });
});

describe("an expected time above --time", () => {
  /** The lines after the first one, with a limit in seconds. */
  const linesWithin = (seconds: number | undefined, expected: ExpectedTime): string[] => {
    const lines: string[] = [];
    using budget = new TimeBudget(seconds === undefined ? undefined : 1000 * seconds);
    sayExpectedTime(expected, { budget, say: (line) => lines.push(line) });
    expect(lines[0]).toBe(expected.text);
    return lines.slice(1);
  };
  const INCONCLUSIVE = "what there is no time for is inconclusive, and ";
  const NO_VERDICT = "without a verdict by then, the exit code is 2: allow more, or choose fewer cells";

  it.each([
    [10, [`more than --time 10 s allows: the first look; ${INCONCLUSIVE}${NO_VERDICT}`]],
    [60, [`more than --time 60 s allows: a second look at one cell; ${INCONCLUSIVE}${NO_VERDICT}`]],
    [600, []],
    [undefined, []],
  ])("of %s s is said in one line, with the first part that does not end", (seconds, lines) => {
    expect(linesWithin(seconds, expectedGateTime([CELL]))).toEqual(lines);
  });

  it("is said for errors alone, a file and a bisection, too", () => {
    const errors = expectedGateTime(GRADIENTS, { only: "errors", atOnce: 2 });
    expect(linesWithin(60, errors)).toEqual([
      `more than --time 60 s allows: the gradients of both sides; ${NO_VERDICT}`,
    ]);
    expect(linesWithin(60, expectedFileTime(CELLS, "default"))).toEqual([
      `more than --time 60 s allows: measuring them; ${NO_VERDICT}`,
    ]);
    expect(linesWithin(60, expectedBisectionTime(CELL, 5))).toEqual([
      "more than --time 60 s allows: 5 gates without a second look; finished steps are kept, and the same command goes on from there",
    ]);
  });
});
