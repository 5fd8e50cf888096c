import type { Cell, Results } from "@softmax-bench/core";
import { describe, expect, it } from "vitest";
import { limitBlocks } from "../src/limit.js";
import { backend, measured, RESOLUTION, resultsOf } from "./support/results.js";

const native = [{ workload: "square", dtype: "float32", threads: 1, medianNs: 50_000 }] as const;
const onProcessor = backend({ device: { kind: "cpu", name: "Xeon" }, threads: 1 });

const blocksOf = (cells: readonly Cell[], over: Partial<Results> = {}) =>
  limitBlocks(
    resultsOf({ cells: [...cells], resolution: RESOLUTION, backends: [onProcessor], ...over }),
    native,
    "cc 12",
  );

/** Method, time, ± and ratio of each row. */
function rowsOf(cells: readonly Cell[]): (string | undefined)[][] {
  const [table] = blocksOf(cells);
  return table?.kind === "table" ? table.rows.map((row) => [row[3], row[5], row[6], row[9]]) : [];
}

describe("a run beside native code", () => {
  it("shows the fastest gradient of a backend that had settled within the error bound, not a faster one", () => {
    const cells = [
      measured("unsettled", { us: 60, time: { steadiness: "unsettled" } }),
      measured("inexact", { us: 70, error: { relL2: 1e-3 } }),
      measured("good", { us: 100, time: { steadiness: "settled" } }),
      measured("slow", { us: 200, time: { steadiness: "settled" } }),
    ];
    expect(rowsOf(cells)).toEqual([["good", "100 µs", "2.0 %", "2.00×"]]);
  });

  it("shows those that the run cannot tell from it, and manual/fused", () => {
    const cells = [
      measured("good", { us: 100 }),
      measured("tied", { us: 101 }),
      measured("slower", { us: 110 }),
      measured("manual/fused", { us: 150, time: { steadiness: "untested" } }),
    ];
    expect(rowsOf(cells)).toEqual([
      ["good", "100 µs", "2.0 %", "2.00×"],
      ["tied", "101 µs", "2.0 %", "2.02×"],
      ["manual/fused", "150 µs, untested", "", "3.00×"],
    ]);
  });

  it("marks the fastest of all where none had settled", () => {
    const cells = [
      measured("a", { us: 100, time: { steadiness: "unsettled" } }),
      measured("b", { us: 110, time: { steadiness: "unsettled" } }),
    ];
    expect(rowsOf(cells)).toEqual([["a", "100 µs, unsettled", "2.0 %", "2.00×"]]);
  });

  it("begins with what else the machine did", () => {
    const state = { loadAverage: 2, windowNs: 1e9, otherCores: 1 };
    const [first] = blocksOf([measured("a")], { noise: { before: state, during: [state] } });
    expect(first).toMatchObject({
      text: expect.stringContaining("The machine was busy: other programs used 1.0"),
    });
  });
});
