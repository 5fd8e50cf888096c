import { describe, expect, it } from "vitest";
import { expectedCounts } from "../dist/gate/count-sides.js";
import { describeExpectedTime } from "../dist/gate/expected-time.js";

const CELL = "wasm-simd manual/fused float32 16x10";
const CELLS = Array.from({ length: 40 }, (_, index) => `wasm-simd manual/fused float32 ${index + 2}x2`);

describe("the time that is stated in advance", () => {
  it("is that of a first look, errors, and a second look at one cell or at all", () => {
    expect(describeExpectedTime([CELL])).toBe(
      "expected to take about 40 s for 1 cell, and about 3.83 min more if one needs a second look; plus the time to prepare the baseline, which is not known yet",
    );
    expect(describeExpectedTime(CELLS)).toMatch(
      / for 40 cells, .* if one needs a second look, .* if all do; /,
    );
  });

  it("includes counts of instructions", () => {
    expect(describeExpectedTime([CELL], { counted: [2] })).toMatch(
      /^expected to take about .* for 1 cell, with about \d+ s to count the instructions of 2 cells, and /,
    );
  });

  it("is stated for errors alone, too", () => {
    // Two processes of each a second, one and a half for the backend, and a fifth for each cell.
    expect(describeExpectedTime(CELLS, { only: "errors" })).toMatch(
      /^expected to take about 30 s for 40 gradients, half of that if those of the baseline are known, and more if some differ; /,
    );
  });

  it("knows the number of counted cells of each backend before they are listed", () => {
    const timed = ["float32", "float64"].flatMap((dtype) =>
      ["vocab", "seed-3200"].flatMap((workload) =>
        ["wasm-simd", "tfjs-cpu", "jax-js"].map((backend) => `${backend} manual/fused ${dtype} ${workload}`),
      ),
    );
    // One method on two dtypes, and the two usual workloads.
    expect(expectedCounts([], timed)).toEqual([4, 4]);
    expect(expectedCounts(["--workload", "vocab"], timed)).toEqual([2, 2]);
    expect(expectedCounts(["--cell", timed.slice(0, 3).join()], timed)).toEqual([1, 1]);
    expect(expectedCounts([], ["jax-js manual/fused float32 vocab"])).toEqual([]);
  });
});
