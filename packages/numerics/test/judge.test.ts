import { describe, expect, it } from "vitest";
import { FORMATS, judgeGradient, judgeLoss, oracle, rowTargets } from "../src/index.js";

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;
const FLOAT32 = { format: FORMATS.float32, maxUlp: 4 };

/** Two rows of two classes: the label's probability is 1/2 and e^8 / (1 + e^8) = 0.99966; and an ignored row. */
const problem = {
  rows: 3,
  classes: 2,
  logits: Float32Array.of(0, 0, 0, 8, 1, 2),
  labels: Int32Array.of(0, 1, -100),
  ignoreIndex: -100,
};
const reference = oracle(problem);
/** Half of ±1/2 and of ∓1 / (1 + e^8), by hand. */
const SMALL = 1 / (1 + Math.exp(8)) / 2;
const EXACT = [-0.25, 0.25, SMALL, -SMALL, 0, 0];

const judge = (gradient: readonly number[], scale = FLOAT32) =>
  judgeGradient(Float32Array.from(gradient), reference, rowTargets(problem), scale);

describe("judgeGradient", () => {
  it("groups entries by kind and by the probability of the target", () => {
    const { groups } = judge(EXACT);
    expect(groups).toMatchObject([
      { kind: "target", from: 0.5, to: 0.9, count: 1, outside: 0, maxUlp: 0 },
      { kind: "target", from: 0.999, to: 1, count: 1, outside: 0, maxUlp: 0 },
      { kind: "tail", from: 0.5, to: 0.9, count: 1, outside: 0 },
      { kind: "tail", from: 0.999, to: 1, count: 1, outside: 0 },
      { kind: "ignored", count: 2, outside: 0, maxUlp: 0 },
    ]);
  });

  it("takes the class of the largest target for probabilities", () => {
    const labels = Float32Array.of(0.25, 0.75, 1, 0);
    const { classes, probabilities } = rowTargets({ ...problem, rows: 2, labels, ignoreIndex: undefined });
    expect([...classes]).toEqual([1, 0]);
    expect(probabilities[1]).toBeCloseTo(2 * SMALL, 12);
  });

  it("holds an ignored row to exactly 0, whatever the limit", () => {
    const scale = { ...FLOAT32, maxUlp: 10 };
    const one = FORMATS.float32.smallestSubnormal;
    expect(judge([...EXACT.slice(0, 4), one, 0], scale).groups.at(-1)).toMatchObject({
      outside: 1,
      maxUlp: 1,
    });
    expect(judge([...EXACT.slice(0, 4), -0, 0], scale).groups.at(-1)).toMatchObject({ outside: 0 });
  });

  it("counts entries that vanished, underflowed, are subnormal or not finite", () => {
    expect(judge([...EXACT.slice(0, 3), 0, 0, 0]).special.vanished).toBe(1);
    expect(judge([nan, infinity, 1e-40, 0, 0, 0]).special).toEqual({
      underflowed: 0,
      vanished: 1,
      subnormal: 1,
      nonFinite: 2,
    });
    // e^-100 / 2 is about 1.9e-44: 13 of the smallest subnormal float32.
    const tiny = { rows: 1, classes: 2, logits: Float32Array.of(100, 0), labels: Int32Array.of(0) };
    const found = judgeGradient(Float32Array.of(0, 0), oracle(tiny), rowTargets(tiny), FLOAT32);
    expect(found.special).toMatchObject({ underflowed: 2, vanished: 0 });
    expect(found.groups[0]).toMatchObject({ outside: 1, maxRelError: 0 });
  });

  it("finds the factor that all entries share, and none where they are only wrong", () => {
    expect(judge(EXACT.map((entry) => 64 * entry)).factor).toBeCloseTo(64, 5);
    expect(judge(EXACT.map((entry) => -entry)).factor).toBeCloseTo(-1, 5);
    expect(judge(EXACT).factor).toBeUndefined();
    expect(judge(EXACT.map((entry, index) => (index === 1 ? 0 : entry))).factor).toBeUndefined();
    expect(judge(EXACT.map(() => 0)).factor).toBeUndefined();
  });

  it("reports the worst entry and the worst row", () => {
    const found = judge([-0.25, 0.5, SMALL, -SMALL, 0, 0]);
    expect(found.groups.find(({ kind }) => kind === "tail")?.worst).toMatchObject({
      index: 1,
      computed: 0.5,
      exact: 0.25,
      ulp: 2 ** 23,
    });
    expect(found.rowSum).toEqual({ row: 0, residual: 0.25, relative: 0.25 / 0.75 });
  });

  it("is right to be NaN where the mean divides by 0, and wrong to be anything else", () => {
    const weights = Float32Array.of(0, 0);
    const unweighted = { ...problem, weights };
    const exact = oracle(unweighted);
    const gradient = Float32Array.of(nan, nan, nan, 0, 0, 0);
    const { groups, special } = judgeGradient(gradient, exact, rowTargets(unweighted), FLOAT32);
    expect(groups.map(({ outside }) => outside)).toEqual([0, 1, 0, 0, 0]);
    expect(special.nonFinite).toBe(0);
  });

  it("refuses a gradient of another length", () => {
    expect(() => judge([1, 2])).toThrow(RangeError);
  });
});

describe("judgeLoss", () => {
  const lossOf = (label: number, logits: number[]) =>
    oracle({ rows: 1, classes: 2, logits: Float32Array.from(logits), labels: Int32Array.of(label) });

  it("counts the ULP of its format", () => {
    const loss = Float32Array.of(Math.LN2);
    expect(judgeLoss(loss, lossOf(0, [0, 0]), FLOAT32)).toMatchObject({ maxUlp: 0, outside: 0, count: 1 });
    const bfloat16 = { format: FORMATS.bfloat16, maxUlp: 0 };
    expect(judgeLoss(Float32Array.of(0.6953125), lossOf(0, [0, 0]), bfloat16)).toMatchObject({ maxUlp: 1 });
  });

  it("is right to be infinite where the label is masked", () => {
    const exact = lossOf(1, [0, -infinity]);
    expect(judgeLoss(Float32Array.of(infinity), exact, FLOAT32).outside).toBe(0);
    expect(judgeLoss(Float32Array.of(1e30), exact, FLOAT32).outside).toBe(1);
  });
});
