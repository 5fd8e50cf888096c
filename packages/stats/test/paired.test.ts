import { hodgesLehmann, holm, signFlipTest } from "@softmax-bench/stats";
import { assert, boolean, infiniteStream, integer, property, uniqueArray } from "fast-check";
import { describe, expect, it } from "vitest";

const TEN = [0.012, -0.004, 0.031, 0.022, -0.011, 0.017, 0.009, 0.028, -0.002, 0.041];
const TWELVE = [0.3, -1.2, 0.8, 2.1, -0.4, 1.7, 0.9, -2.2, 3.1, 0.6, 1.1, -0.7];

describe("signFlipTest", () => {
  // scipy.stats.wilcoxon(d, alternative="greater", method="exact"), SciPy 1.17.
  it.each([
    [TEN, 0.0185546875],
    [TWELVE, 0.150634765625],
  ])("is Wilcoxon's exact signed-rank test: %j", (differences, p) => {
    expect(signFlipTest(differences)).toBeCloseTo(p, 14);
  });

  it("shares ranks among ties, as counting all 2¹⁰ flips does", () => {
    // 17 of the 1024 sums of mean ranks (scipy.stats.rankdata) reach the observed one.
    expect(signFlipTest([1, 1, -1, 2, 3, -2, 4, 4, 5, 6])).toBeCloseTo(17 / 1024, 14);
  });

  it("is 2⁻ⁿ where all n differences are positive, 1 where none is, and leaves out zeros", () => {
    expect(signFlipTest([0.091, 0.102, 0.087, 0.095, 0.11, 0.099, 0.083, 0.104, 0.093, 0.09])).toBe(2 ** -10);
    expect(signFlipTest([-1, -2, -3])).toBe(1);
    expect(signFlipTest([0, 0, 5])).toBe(0.5);
    expect(signFlipTest([])).toBe(1);
  });

  it("is at most α with probability α at most, counted over every assignment of signs", () => {
    const magnitudes = [0.1, 0.1, 0.4, 0.9, 2, 2, 7, 30];
    const all = Array.from({ length: 256 }, (_, signs) =>
      signFlipTest(magnitudes.map((size, i) => (signs & (1 << i) ? size : -size))),
    );
    for (const alpha of [0.01, 0.05, 0.2]) {
      expect(all.filter((p) => p <= alpha).length / 256).toBeLessThanOrEqual(alpha);
    }
  });
});

describe("hodgesLehmann", () => {
  // Medians of numpy's Walsh averages.
  it.each([
    [TEN, 0.0145],
    [TWELVE, 0.575],
  ])("estimates the median of the Walsh averages: %j", (differences, estimate) => {
    expect(hodgesLehmann(differences).estimate).toBeCloseTo(estimate, 12);
  });

  // Two-sided 5 % critical values of the signed-rank statistic: Wilcoxon and Wilcox (1964), table 2.
  it.each([
    [6, 0],
    [8, 3],
    [10, 8],
    [12, 13],
    [15, 25],
    [20, 52],
  ])("of %i differences leaves out %i Walsh averages on each side", (n, critical) => {
    const powers = Array.from({ length: n }, (_, index) => 2 ** index);
    const walsh = powers.flatMap((a, i) => powers.slice(i).map((b) => (a + b) / 2)).sort((a, b) => a - b);
    const { low, high, coverage } = hodgesLehmann(powers);
    expect([low, high]).toEqual([walsh[critical], walsh.at(-1 - critical)]);
    expect(coverage).toBeGreaterThanOrEqual(0.95);
  });

  it("is the whole range of fewer than 6 differences, and says that it covers 1 − 2¹⁻ⁿ", () => {
    expect(hodgesLehmann([3, 1])).toEqual({ estimate: 2, low: 1, high: 3, coverage: 0.5 });
    expect(hodgesLehmann([4])).toEqual({ estimate: 4, low: 4, high: 4, coverage: 0 });
    expect(() => hodgesLehmann([])).toThrow(RangeError);
  });

  it("excludes 0 exactly where the two-sided test rejects it", () => {
    const magnitudes = uniqueArray(integer({ min: 1, max: 10_000 }), { minLength: 6, maxLength: 14 });
    assert(
      property(magnitudes, infiniteStream(boolean()), (sizes, positive) => {
        const values = sizes.map((size) => (positive.next().value ? size : -size));
        const p = 2 * Math.min(signFlipTest(values), signFlipTest(values.map((value) => -value)));
        const { low, high, coverage } = hodgesLehmann(values);
        expect(low > 0 || high < 0).toBe(p <= 1 - coverage + 1e-12);
      }),
    );
  });
});

describe("holm", () => {
  // statsmodels.stats.multitest.multipletests(p, method="holm"), statsmodels 0.15.
  it.each([
    [
      [0.01, 0.04, 0.03, 0.005],
      [0.03, 0.06, 0.06, 0.02],
    ],
    [
      [0.02, 0.02, 0.9],
      [0.06, 0.06, 0.9],
    ],
    [
      [2 ** -10, 2 ** -10, 2 ** -10, 0.5],
      [0.00390625, 0.00390625, 0.00390625, 0.5],
    ],
    [[], []],
  ])("corrects %j", (pValues, corrected) => {
    const found = holm(pValues);
    expect(found).toHaveLength(corrected.length);
    for (const [index, p] of found.entries()) expect(p).toBeCloseTo(corrected[index] as number, 14);
  });
});
