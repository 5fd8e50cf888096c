import { describe, expect, it } from "vitest";
import { assessGradient, assessLoss, distance, oracle, roundReference } from "../src/index.js";

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;

const LOGITS = Float32Array.of(0.5, -1, 2, 3, 0, -0.5);
const reference = oracle({ rows: 2, classes: 3, logits: LOGITS, labels: Int32Array.of(2, 1) });

describe("assessGradient", () => {
  it.for(["float32", "float64"] as const)(
    "finds the correctly rounded %s gradient flawless in ULP",
    (dtype) => {
      const error = assessGradient(roundReference(reference.gradient, dtype), reference);
      expect(error).toMatchObject({ maxUlp: 0, p99Ulp: 0, medianUlp: 0, correctlyRounded: 1, nonFinite: 0 });
      const halfUlp = dtype === "float32" ? 2 ** -24 : 2 ** -53;
      expect(error.relL2).toBeGreaterThan(0);
      expect(error.relL2).toBeLessThanOrEqual(halfUlp);
      expect(error.rowSumResidual).toBeLessThanOrEqual(3 * halfUlp);
    },
  );

  it("counts ULP in the dtype of the computed array", () => {
    const rounded = roundReference(reference.gradient, "float32");
    const { maxUlp } = assessGradient(Float64Array.from(rounded), reference);
    expect(maxUlp).toBeGreaterThan(2 ** 20);
  });

  it("sees one entry that is off", () => {
    const computed = roundReference(reference.gradient, "float64");
    computed[4] = (computed[4] as number) + 0.25;
    const error = assessGradient(computed, reference);
    expect(error.maxAbs).toBeCloseTo(0.25, 15);
    expect(error.sumAbs).toBeCloseTo(0.25, 15);
    expect(error.bias).toBeCloseTo(0.25 / 6, 15);
    expect(error.rowSumResidual).toBeCloseTo(0.25, 15);
    expect(error.correctlyRounded).toBeCloseTo(5 / 6, 15);
  });

  it("reports entries that are not finite as Infinity, never NaN", () => {
    const computed = roundReference(reference.gradient, "float32");
    computed[0] = nan;
    expect(assessGradient(computed, reference)).toEqual({
      relL2: infinity,
      maxAbs: infinity,
      scaledMaxAbs: infinity,
      sumAbs: infinity,
      maxUlp: infinity,
      p99Ulp: infinity,
      medianUlp: 0,
      correctlyRounded: 5 / 6,
      bias: infinity,
      nonFinite: 1,
      rowSumResidual: infinity,
    });
  });

  it.for(["float16", "bfloat16"] as const)(
    "finds the correctly rounded %s gradient, in a Float32Array, flawless, and the next number 1 ULP off",
    (id) => {
      const computed = roundReference(reference.gradient, id);
      expect(assessGradient(computed, reference, id)).toMatchObject({ maxUlp: 0, correctlyRounded: 1 });
      const first = computed[0] as number;
      // Its numbers have 11 or 8 significant bits.
      const ulp = 2 ** (Math.floor(Math.log2(Math.abs(first))) - (id === "float16" ? 10 : 7));
      computed[0] = first + 3 * Math.sign(first) * ulp;
      expect(assessGradient(computed, reference, id)).toMatchObject({ maxUlp: 3, correctlyRounded: 5 / 6 });
    },
  );

  it("counts the entries at the ends of the range", () => {
    // Halves of e^-8, e^-15, e^-16 and e^-18, about, beside two of 1/2: float16 is subnormal below 2^-14 and ends at 2^-24.
    const logits = Float64Array.of(0, 0, -8, -15, -16, -18);
    const exact = oracle({ rows: 1, classes: 6, logits, labels: Int32Array.of(0) });
    const rounded = roundReference(exact.gradient, "float16");
    expect(assessGradient(rounded, exact, "float16").range).toEqual({
      overflows: 0,
      underflows: 1,
      avoidableUnderflows: 0,
      subnormals: 2,
      entries: 6,
    });
    const flushed = rounded.map((value) => (Math.abs(value) < 2 ** -14 ? 0 : value));
    flushed[1] = infinity;
    expect(assessGradient(flushed, exact, "float16").range).toEqual({
      overflows: 1,
      underflows: 3,
      avoidableUnderflows: 2,
      subnormals: 0,
      entries: 6,
    });
    expect(
      assessGradient(roundReference(exact.gradient, "bfloat16"), exact, "bfloat16").range,
    ).toBeUndefined();
  });

  it("refuses a gradient of another size", () => {
    expect(() => assessGradient(new Float32Array(5), reference)).toThrow(RangeError);
  });
});

describe("assessLoss", () => {
  const exact = reference.loss.hi[0] as number;

  it("is the relative error", () => {
    expect(assessLoss(Float64Array.of(exact * 1.001), reference)).toBeCloseTo(0.001, 14);
    expect(assessLoss(Float64Array.of(exact), reference)).toBeLessThan(2 ** -53);
  });

  it("is the largest one, where there is a loss per row", () => {
    const problem = { rows: 2, classes: 3, logits: LOGITS, labels: Int32Array.of(2, 1) };
    const perRow = oracle({ ...problem, reduction: "none" });
    const [first = 0, second = 0] = perRow.loss.hi;
    expect(assessLoss(Float64Array.of(first, second * 1.5), perRow)).toBeCloseTo(0.5, 14);
    expect(() => assessLoss(Float64Array.of(first), perRow)).toThrow(RangeError);
  });

  it("is Infinity for a loss that is not finite where the exact one is", () => {
    expect(assessLoss(Float64Array.of(nan), reference)).toBe(infinity);
    expect(assessLoss(Float64Array.of(infinity), reference)).toBe(infinity);
  });

  it("is 0 for the exact loss, be it NaN or Infinity", () => {
    const labels = Int32Array.of(0);
    const masked = { rows: 1, classes: 2, logits: Float64Array.of(-infinity, 0), labels };
    expect(assessLoss(Float32Array.of(infinity), oracle(masked))).toBe(0);
    expect(assessLoss(Float32Array.of(nan), oracle({ ...masked, ignoreIndex: 0 }))).toBe(0);
    expect(assessLoss(Float32Array.of(nan), oracle(masked))).toBe(infinity);
  });

  it("is 0 or Infinity where the exact loss is 0", () => {
    const oneClass = oracle({ rows: 1, classes: 1, logits: Float32Array.of(1), labels: Int32Array.of(0) });
    expect(assessLoss(Float64Array.of(0), oneClass)).toBe(0);
    expect(assessLoss(Float64Array.of(1e-9), oneClass)).toBe(infinity);
  });
});

describe("distance", () => {
  it("compares two gradients, relative to the second", () => {
    const a = Float32Array.of(3, 4 + 2 ** -21);
    const b = Float32Array.of(3, 4);
    expect(distance(a, b)).toEqual({ sumAbs: 2 ** -21, maxAbs: 2 ** -21, relL2: 2 ** -21 / 5, maxUlp: 1 });
  });

  it("refuses gradients of different dtypes or lengths", () => {
    expect(() => distance(new Float32Array(1), new Float64Array(1))).toThrow(RangeError);
    expect(() => distance(new Float32Array(1), new Float32Array(2))).toThrow(RangeError);
  });
});
