import { describe, expect, it } from "vitest";
import { type GradientVerdict, isWithinLimit, renderJudgement } from "../src/index.js";

const { POSITIVE_INFINITY: infinity } = Number;

/** The largest numbers that there can be: 2^28 entries, all of them as far off as can be. */
const errors = {
  count: 2 ** 28,
  outside: 2 ** 28,
  maxUlp: 9_999_999,
  p99Ulp: 9_999_999,
  medianUlp: 9_999_999,
  maxRelError: 1.23e300,
  worst: {
    index: 2 ** 28 - 1,
    computed: -1.2345678901234e-300,
    exact: -1.2345678901234e-300,
    ulp: 9_999_999,
  },
};
const bands = [0, 0.5, 0.9, 0.99, 0.999, 1];
const groups = (["target", "tail"] as const).flatMap((kind) =>
  bands.slice(1).map((to, index) => ({ kind, from: bands[index] as number, to, ...errors })),
);

const verdict: GradientVerdict = {
  rows: 2 ** 20,
  classes: 2 ** 8,
  dtype: "bfloat16",
  options: {
    reduction: "none",
    targets: "labels",
    weighted: true,
    labelSmoothing: 0.1,
    ignoreIndex: -100,
  },
  maxUlp: 4,
  gradient: {
    groups: [...groups, { kind: "ignored", from: 0, to: 1, ...errors }],
    special: { underflowed: 2 ** 28, vanished: 2 ** 28, subnormal: 2 ** 28, nonFinite: 2 ** 28 },
    rowSum: { row: 2 ** 20 - 1, residual: 1.23e-300, relative: infinity },
    factor: -1.2345e-300,
  },
  boundRatios: [{ method: "manual/log-softmax", formula: "exp(log-softmax) − target", ratio: 1.2e300 }],
  loss: { dtype: "bfloat16", ...errors },
};

describe("a judgement", () => {
  it("fits a screen of 100 columns, whatever its numbers are", () => {
    const lines = renderJudgement(verdict, { color: false }).split("\n");
    expect(lines.filter((line) => line.length > 100)).toEqual([]);
    expect(lines.length).toBeLessThanOrEqual(30);
  });

  it("is within the limit if nothing is outside, the loss included", () => {
    const inside = { ...verdict.gradient, groups: groups.map((group) => ({ ...group, outside: 0 })) };
    expect(isWithinLimit(verdict)).toBe(false);
    expect(isWithinLimit({ ...verdict, gradient: inside })).toBe(false);
    expect(isWithinLimit({ ...verdict, gradient: inside, loss: undefined })).toBe(true);
  });

  it.each([
    [64, "All entries are 64 times the exact ones, the number of rows: is --reduction sum meant?"],
    [1 / 64, "All entries are 0.0156 times the exact ones, 1 / rows: is --reduction mean meant?"],
    [-1, "All entries are -1 times the exact ones: is it target − softmax?"],
    [2.5, "All entries are 2.5 times the exact ones."],
  ])("tells what a factor of %d comes from", (factor, line) => {
    const gradient = { ...verdict.gradient, factor };
    expect(renderJudgement({ ...verdict, rows: 64, gradient }, { color: false })).toContain(line);
  });

  it("names no farthest entry where none is off", () => {
    const exact = {
      ...verdict.gradient,
      groups: groups.map((group) => ({ ...group, outside: 0, maxUlp: 0 })),
    };
    const text = renderJudgement({ ...verdict, gradient: exact, loss: undefined }, { color: false });
    expect(text).not.toContain("Farthest");
    expect(text.split("\n").at(-1)).toBe("Within 4 ULP: 2,684,354,560 of 2,684,354,560 entries: ok.");
  });
});
