import { Decimal } from "decimal.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countNonFinite, errorNorms, largestRowSum } from "../src/index.js";
import { Decimal60, exact } from "./support/decimal.js";

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;

describe("errorNorms", () => {
  it("measures a small example", () => {
    const norms = errorNorms(Float64Array.of(3.5, 3, -1), { hi: Float64Array.of(3, 4, 0) });
    expect(norms).toEqual({ relL2: 1.5 / 5, maxAbs: 1, scaledMaxAbs: 0.25, sumAbs: 2.5, bias: -0.5 });
  });

  it("measures against hi + lo, not against hi", () => {
    const exactValue = { hi: Float64Array.of(1), lo: Float64Array.of(2 ** -60) };
    expect(errorNorms(Float64Array.of(1), exactValue)).toEqual({
      relL2: 2 ** -60,
      maxAbs: 2 ** -60,
      scaledMaxAbs: 2 ** -60,
      sumAbs: 2 ** -60,
      bias: -(2 ** -60),
    });
  });

  it.for([1e-300, 1e-320, 1e-160, 1, 1e160, 1e300])("neither overflows nor underflows at %d", (unit) => {
    const computed = Float64Array.of(5 * unit, 4 * unit);
    const { relL2 } = errorNorms(computed, { hi: Float64Array.of(3 * unit, 4 * unit) });
    expect(relL2).toBeCloseTo(2 / 5, unit === 1e-320 ? 3 : 14);
  });

  it("keeps errors of 1e-300 beside entries near 1", () => {
    const { relL2 } = errorNorms(Float64Array.of(1, 1e-300), { hi: Float64Array.of(1, 0) });
    expect(relL2 / 1e-300).toBeCloseTo(1, 14);
  });

  it("agrees with decimals on arrays longer than a block, whatever their magnitudes", () => {
    const magnitude = fc.tuple(
      fc.double({ min: -1, max: 1, noNaN: true }),
      fc.integer({ min: -900, max: 0 }),
    );
    const entries = fc.array(fc.tuple(magnitude, fc.double({ min: -1, max: 1, noNaN: true })), {
      minLength: 2500,
      maxLength: 2500,
    });
    const [sample = []] = fc.sample(entries, { numRuns: 1, seed: 8 });
    const hi = Float64Array.from(sample, ([[significand, exponent]]) => significand * 2 ** exponent);
    const computed = hi.map((value, i) => value * (1 + (sample[i]?.[1] as number) * 1e-6));
    const norms = errorNorms(computed, { hi });

    const errors = Array.from(computed, (value, i) => exact(value).minus(exact(hi[i] as number)));
    const sum = (terms: Decimal[]) => terms.reduce((total, term) => total.plus(term), new Decimal60(0));
    const norm = (terms: Decimal[]) => sum(terms.map((term) => term.pow(2))).sqrt();
    const near = (actual: number, expected: Decimal) =>
      expect(exact(actual).div(expected).toNumber()).toBeCloseTo(1, 12);
    near(norms.relL2, norm(errors).div(norm(Array.from(hi, exact))));
    near(norms.sumAbs, sum(errors.map((error) => error.abs())));
    near(norms.maxAbs, Decimal.max(...errors.map((error) => error.abs())));
    near(norms.bias, sum(errors).div(errors.length));
  });

  it("is 0 for no error at all, also where the exact array is 0", () => {
    const zero = { relL2: 0, maxAbs: 0, scaledMaxAbs: 0, sumAbs: 0, bias: 0 };
    expect(errorNorms(Float64Array.of(1, 2), { hi: Float64Array.of(1, 2) })).toEqual(zero);
    expect(errorNorms(new Float32Array(2), { hi: new Float64Array(2) })).toEqual(zero);
  });

  it("is infinitely wrong, relatively, where only the exact array is 0", () => {
    expect(errorNorms(Float64Array.of(1e-300), { hi: Float64Array.of(0) }).relL2).toBe(infinity);
  });

  it.for([nan, infinity, -infinity])("is Infinity throughout, never NaN, once an entry is %d", (bad) => {
    const all = {
      relL2: infinity,
      maxAbs: infinity,
      scaledMaxAbs: infinity,
      sumAbs: infinity,
      bias: infinity,
    };
    expect(errorNorms(Float32Array.of(1, bad), { hi: Float64Array.of(1, 1) })).toEqual(all);
    expect(errorNorms(Float32Array.of(1, bad), { hi: Float64Array.of(1, bad) })).toEqual(all);
  });

  it("refuses arrays of different lengths", () => {
    expect(() => errorNorms(new Float32Array(2), { hi: new Float64Array(3) })).toThrow(
      new RangeError("Expected two non-empty arrays of the same length, got 2 and 3."),
    );
  });
});

describe("largestRowSum", () => {
  it("finds the row farthest from 0, of either sign", () => {
    expect(largestRowSum(Float64Array.of(1, -1, 0.5, -0.75, 0.125, 0), 2)).toBe(0.25);
  });

  it("sums what plain summation would lose", () => {
    expect(largestRowSum(Float64Array.of(1, 2 ** -60, -1), 3)).toBe(2 ** -60);
  });

  it("is Infinity when an entry is not finite", () => {
    expect(largestRowSum(Float32Array.of(0, 0, infinity, -infinity), 2)).toBe(infinity);
    expect(largestRowSum(Float32Array.of(0, nan), 2)).toBe(infinity);
  });
});

describe("countNonFinite", () => {
  it("counts NaN and both infinities", () => {
    expect(countNonFinite(Float32Array.of(0, nan, infinity, -infinity, 3e38))).toBe(3);
  });
});
