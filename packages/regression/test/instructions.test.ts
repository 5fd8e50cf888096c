import {
  type Comparison,
  callsForMore,
  DEFAULT_LIMITS,
  decideInstructions,
  type InstructionCounts,
  settledByOne,
  toOutcome,
  withInstructions,
} from "@softmax-bench/regression";
import { describe, expect, it } from "vitest";

/** Instructions per call of one process of either side. */
const one = (baseline: number, candidate: number) => ({ baseline: [baseline], candidate: [candidate] });

describe("one process of either side", () => {
  it("settles cells that differ by less than half of the limit, and calls for more where they do not", () => {
    expect(callsForMore(one(1_000_000, 1_004_900), DEFAULT_LIMITS)).toBe(false);
    expect(callsForMore(one(1_000_000, 1_005_100), DEFAULT_LIMITS)).toBe(true);
    expect(callsForMore(one(1_000_000, 994_900), DEFAULT_LIMITS)).toBe(true);
    expect(settledByOne(one(1_000_000, 1_001_000), DEFAULT_LIMITS).verdict).toBe("pass");
  });
});

describe("several processes of either side", () => {
  const decide = (baseline: number[], candidate: number[]) =>
    decideInstructions({ baseline, candidate }, DEFAULT_LIMITS);

  it("find 1 % more instructions, and 1 % fewer", () => {
    expect(decide([1_000_000, 1_000_400], [1_010_000, 1_010_300])).toMatchObject({
      verdict: "regression",
      baseline: 1_000_200,
      candidate: 1_010_150,
    });
    expect(decide([1_010_000, 1_010_300], [1_000_000, 1_000_400]).verdict).toBe("improvement");
  });

  it("pass what differs by less than half of the limit, however exact the counts are", () => {
    expect(decide([1_000_000, 1_000_000], [1_004_000, 1_004_000]).verdict).toBe("pass");
  });

  it("do not judge a cell whose processes differ as much from each other as the sides do", () => {
    const twoWaysToCompile = decide([1_000_000, 1_020_000], [1_020_000, 1_020_000]);
    expect(twoWaysToCompile.verdict).toBe("inconclusive");
    expect(decide([1_000_000, 1_008_000], [1_012_000, 1_020_000]).verdict).toBe("inconclusive");
    // 5 % more, hidden by ways to compile whose medians agree.
    expect(decide([13_815_709, 13_815_642], [13_311_400, 14_419_117]).verdict).toBe("inconclusive");
  });

  it("do not judge a cell that the first processes saw compiled the other way", () => {
    const decideAfter = (first: InstructionCounts) =>
      decideInstructions(
        { baseline: [1_000_000, 1_000_000], candidate: [1_008_300, 1_008_300] },
        DEFAULT_LIMITS,
        first,
      ).verdict;
    expect(decideAfter(one(1_000_000, 1_008_300))).toBe("regression");
    expect(decideAfter(one(1_008_300, 1_000_000))).toBe("inconclusive");
  });
});

describe("a comparison of times with counts", () => {
  const cell = { backend: "b", method: "manual/fused", dtype: "float32", workload: "16x1000" } as const;
  const time = {
    verdict: "pass",
    baselineNs: 1e6,
    candidateNs: 1e6,
    slowdown: 0,
    interval: [0, 0],
    blocks: 2,
    reason: "",
  } as const;
  const side = {
    name: "n",
    commit: null,
    environment: { cpu: "c", cores: 2, os: "o", node: "v20", versions: {} },
  };
  const comparison: Comparison = {
    baseline: side,
    candidate: side,
    limits: DEFAULT_LIMITS,
    judges: true,
    inTurns: true,
    warnings: [],
    notes: [],
    cells: [{ ...cell, verdict: "pass", time, causes: [] }],
    notCompared: [],
  };
  const grown = decideInstructions({ baseline: [1000, 1000], candidate: [1100, 1100] }, DEFAULT_LIMITS);

  it("keeps the time of a cell beside its count, and takes the worse verdict", () => {
    const together = withInstructions(comparison, [{ ...cell, instructions: grown }]);
    expect(together.cells).toMatchObject([{ verdict: "regression", time, instructions: grown }]);
    expect(toOutcome(together)).toBe("regression");
  });

  it("adds cells that were only counted", () => {
    const other = { ...cell, workload: "16x10", instructions: grown };
    expect(withInstructions(comparison, [other]).cells).toMatchObject([
      { workload: "16x1000", verdict: "pass" },
      { workload: "16x10", verdict: "regression" },
    ]);
  });

  it("passes with counts alone no more than without", () => {
    const untimed = { ...comparison, cells: [] };
    const equal = settledByOne(one(1000, 1000), DEFAULT_LIMITS);
    expect(toOutcome(withInstructions(untimed, [{ ...cell, instructions: equal }]))).toBe("incomparable");
  });
});
