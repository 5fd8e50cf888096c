import {
  median,
  medianAbsoluteDeviation,
  medianInterval,
  powerLawExponent,
  quantile,
  summarize,
} from "@softmax-bench/stats";
import { nonNegativeLeastSquares } from "@softmax-bench/stats/least-squares";
import fc, { assert, double, property } from "fast-check";
import { describe, expect, it } from "vitest";

const upTo = (n: number): number[] => Array.from({ length: n }, (_, index) => index + 1);

describe("median", () => {
  it("is infinite between two infinities, and no number only where a sample is none or they differ", () => {
    const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;
    expect(median([infinity, infinity])).toBe(infinity);
    expect(median([1, infinity, infinity, infinity])).toBe(infinity);
    expect(median([1, infinity])).toBe(infinity);
    expect(median([-infinity, infinity])).toBeNaN();
    expect(median([1, nan])).toBeNaN();
  });
});

describe("medianInterval", () => {
  // Coverage 1 − 2·Σ C(n, i)/2ⁿ over i below the lower rank, with the sum of binomial coefficients by hand.
  it.each([
    [6, 1, 6, 0.96875],
    [8, 1, 8, 0.9921875],
    [10, 2, 9, 0.978515625],
    [15, 4, 12, 0.96484375],
    [20, 6, 15, 1 - (2 * 21_700) / 2 ** 20],
    [25, 8, 18, 1 - (2 * 726_206) / 2 ** 25],
  ])("of %i samples is from rank %i to rank %i", (n, low, high, coverage) => {
    const interval = medianInterval(upTo(n));
    expect(interval).toMatchObject({ low, high });
    expect(interval.coverage).toBeCloseTo(coverage, 8);
  });

  it.each([
    [1, 0],
    [2, 0.5],
    [3, 0.75],
    [5, 0.9375],
  ])("of %i samples is the whole range, and says that it covers %d", (n, coverage) => {
    const interval = medianInterval(upTo(n));
    expect(interval).toMatchObject({ low: 1, high: n });
    expect(interval.coverage).toBeCloseTo(coverage, 12);
  });

  it("approaches n/2 ± 0.98·√n for many samples, where 2⁻ⁿ underflows", () => {
    const { low, high, coverage } = medianInterval(upTo(10_000));
    expect(Math.abs(low - (5000 - 98))).toBeLessThanOrEqual(1);
    expect(Math.abs(high - (5000 + 99))).toBeLessThanOrEqual(1);
    expect(coverage).toBeGreaterThanOrEqual(0.95);
    expect(coverage).toBeLessThan(0.952);
  });

  it("contains the median, and does not depend on the order", () => {
    const samples = fc.array(double({ noNaN: true, min: -1e300, max: 1e300 }), {
      minLength: 1,
      maxLength: 60,
    });
    assert(
      property(samples, (values) => {
        const { low, high } = medianInterval(values);
        const middle = median(values);
        expect(low).toBeLessThanOrEqual(middle);
        expect(high).toBeGreaterThanOrEqual(middle);
        expect(medianInterval(values.toReversed())).toEqual(medianInterval(values));
      }),
    );
  });
});

describe("summarize", () => {
  it("is robust: one outlier among nine moves nothing", () => {
    const [quiet, noisy] = [summarize([1, 2, 3, 4, 5, 6, 7, 8, 9]), summarize([1, 2, 3, 4, 5, 6, 7, 8, 9e9])];
    expect(noisy.median).toBe(quiet.median);
    expect(noisy.mad).toBe(quiet.mad);
  });

  it("measures the spread as the median distance from the median", () => {
    expect(medianAbsoluteDeviation([1, 1, 2, 2, 4, 6, 9])).toBe(1);
  });

  it("refuses an empty list", () => {
    expect(() => summarize([])).toThrow(RangeError);
    expect(() => medianInterval([])).toThrow(RangeError);
  });
});

describe("quantile", () => {
  it("is what a share of the samples does not exceed, in any order", () => {
    const samples = [9, 1, 5, 3, 7, 2, 8, 4, 6, 10, 11];
    expect([0, 0.1, 0.5, 1].map((p) => quantile(samples, p))).toEqual([1, 2, 6, 11]);
    expect(() => quantile([], 0.5)).toThrow(RangeError);
  });
});

describe("powerLawExponent", () => {
  it("is that of an exact power law", () => {
    for (const exponent of [-1, 0, 0.5, 2]) {
      const points = [2, 4, 8, 16, 32].map((x) => [x, 3e-7 * x ** exponent] as const);
      expect(powerLawExponent(points)).toBeCloseTo(exponent, 12);
    }
  });

  it("is the least squares slope of the logarithms", () => {
    // ln x = 0, 1, 2; ln y = 0, 2, 1: slope Σ (x − x̄)(y − ȳ) / Σ (x − x̄)² = 1 / 2.
    const { E } = Math;
    expect(
      powerLawExponent([
        [1, 1],
        [E, E ** 2],
        [E ** 2, E],
      ]),
    ).toBeCloseTo(0.5, 12);
  });

  it.each([
    [
      "of one x",
      [
        [2, 1],
        [2, 3],
      ],
    ],
    [
      "of a y that is 0",
      [
        [2, 0],
        [4, 1],
      ],
    ],
    [
      "of a y that is not finite",
      [
        [2, 1],
        [4, Number.POSITIVE_INFINITY],
      ],
    ],
    ["of nothing", []],
  ] as const)("is not defined %s", (_, points) => {
    expect(powerLawExponent(points)).toBeUndefined();
  });
});

describe("nonNegativeLeastSquares", () => {
  it("finds coefficients that there are, of columns of any size", () => {
    const rows = [
      [1, 1e-9, 2e12],
      [1, 3e-9, 1e12],
      [1, 2e-9, 5e12],
      [1, 9e-9, 3e12],
    ];
    const truth = [5, 2e9, 3e-12];
    const targets = rows.map((row) =>
      row.reduce((sum, value, index) => sum + value * (truth[index] as number), 0),
    );
    const found = nonNegativeLeastSquares(rows, targets);
    for (const [index, value] of found.entries()) expect(value / (truth[index] as number)).toBeCloseTo(1, 9);
  });

  it("gives 0 where the best is negative, and the best of what is left", () => {
    // y = 2 x − 1 over x = 1, 2, 3: without the constant, Σxy / Σx² = 22 / 14.
    const found = nonNegativeLeastSquares(
      [1, 2, 3].map((x) => [x, 1]),
      [1, 3, 5],
    );
    expect(found[0]).toBeCloseTo(22 / 14, 12);
    expect(found[1]).toBe(0);
  });

  it.each([
    [[], []],
    [[[1]], [1, 2]],
  ])("refuses %j for %j", (rows, targets) => {
    expect(() => nonNegativeLeastSquares(rows, targets)).toThrow(RangeError);
  });
});
