import { DTYPE_IDS, DTYPES, SWEEPS } from "@softmax-bench/core";
import { FORMATS } from "@softmax-bench/numerics";
import { describe, expect, it } from "vitest";

const named = (id: string) => {
  const sweep = SWEEPS.find((candidate) => candidate.id === id);
  if (!sweep) throw new Error(`no sweep ${id}`);
  return sweep;
};

/** The logits of one row and its label. */
function rowOf(id: string, point: number, row = 0) {
  const sweep = named(id);
  const { classes } = sweep.shape(point);
  const { logits, labels } = sweep.inputs(point, "float64", 0);
  return { logits: [...logits.subarray(row * classes, (row + 1) * classes)], label: labels[row] as number };
}

describe.each(SWEEPS.map((sweep) => [sweep.id, sweep] as const))("sweep %s", (_, sweep) => {
  it.each(DTYPE_IDS)("has ascending points with inputs of their shape, %s", (dtype) => {
    const points = sweep.points(dtype);
    expect(points.length).toBeGreaterThan(3);
    expect(points).toEqual(points.toSorted((a, b) => a - b));
    for (const point of points) {
      const { rows, classes } = sweep.shape(point);
      const { logits, labels } = sweep.inputs(point, dtype, 0);
      expect(logits).toBeInstanceOf(DTYPES[dtype].Array);
      expect(logits).toHaveLength(rows * classes);
      expect(labels).toHaveLength(rows);
      expect(labels.every((label) => label >= 0 && label < classes)).toBe(true);
      expect(logits.every((logit) => logit < Number.POSITIVE_INFINITY)).toBe(true);
    }
  });

  it("is the same for the same seed, and another for another", () => {
    const [point = 0] = sweep.points("float32");
    expect(sweep.inputs(point, "float32", 3)).toEqual(sweep.inputs(point, "float32", 3));
    expect(sweep.inputs(point, "float32", 3)).not.toEqual(sweep.inputs(point, "float32", 4));
  });
});

describe("sweeps vary what they say", () => {
  it("confidence: the target is so far above the largest other", () => {
    const { logits, label } = rowOf("confidence", 30);
    expect((logits[label] as number) - Math.max(...logits.filter((_, c) => c !== label))).toBeCloseTo(30, 12);
  });

  it("dominant: one other class is so far above all", () => {
    const { logits, label } = rowOf("dominant", 40);
    const sorted = logits.toSorted((a, b) => b - a);
    expect((sorted[0] as number) - (sorted[1] as number)).toBeCloseTo(40, 12);
    expect(logits[label]).not.toBe(sorted[0]);
  });

  it("ties: so many classes share the largest logit", () => {
    const { logits } = rowOf("ties", 5);
    expect(logits.filter((logit) => logit === Math.max(...logits))).toHaveLength(5);
  });

  it("masked: so many classes are −∞, never the target", () => {
    const { logits, label } = rowOf("masked", 9);
    expect(logits.filter((logit) => logit === Number.NEGATIVE_INFINITY)).toHaveLength(9);
    expect(logits[label]).toBeGreaterThan(Number.NEGATIVE_INFINITY);
  });

  it("overflow: the largest logit is exactly the point, the others are 2 or more below", () => {
    const { logits } = rowOf("overflow", 88.7);
    const sorted = logits.toSorted((a, b) => b - a);
    expect(sorted[0]).toBe(88.7);
    expect(sorted[1]).toBeLessThanOrEqual(86.7);
  });

  it("offset and scale: standard normal logits, moved and stretched", () => {
    const plain = rowOf("offset", 0).logits;
    expect(rowOf("offset", 1000).logits).toEqual(plain.map((logit) => logit + 1000));
    const base = rowOf("scale", 1).logits;
    expect(rowOf("scale", 300).logits).toEqual(base.map((logit) => logit * 300));
  });

  describe.each(["float16", "bfloat16"] as const)("accumulation, %s", (dtype) => {
    const { round } = DTYPES[dtype];
    const { unitRoundoff, smallestSubnormal } = FORMATS[dtype];
    /** The error of the tail's probabilities in ULP, with exponentials, sum and quotient stored in the dtype. */
    const errorOfTail = (classes: number, sum: (terms: readonly number[]) => number) => {
      const { logits } = named("accumulation").inputs(classes, dtype, 0);
      const row = [...logits.subarray(0, classes)];
      const exact = Math.exp(-8) / (1 + (classes - 1) * Math.exp(-8));
      const terms = row.map((logit) => round(Math.exp(logit)));
      const p = round(round(Math.exp(-8)) / round(sum(terms)));
      const ulp = Math.max(2 ** Math.floor(Math.log2(exact)) * 2 * unitRoundoff, smallestSubnormal);
      return Math.abs(p - exact) / ulp;
    };
    /** A sum in the dtype, in as many parts as a vector has lanes. */
    const inLanes = (lanes: number) => (terms: readonly number[]) => {
      const parts = new Array<number>(lanes).fill(0);
      for (const [c, term] of terms.entries()) parts[c % lanes] = round((parts[c % lanes] as number) + term);
      return parts.reduce((a, b) => a + b);
    };

    it("has one class above a tail, and never the label", () => {
      const { logits, labels } = named("accumulation").inputs(64, dtype, 0);
      for (const [row, label] of labels.entries()) {
        const own = [...logits.subarray(row * 64, (row + 1) * 64)];
        expect(own.toSorted((a, b) => b - a)).toEqual([0, ...new Array(63).fill(-8)]);
        expect(own[label]).toBe(-8);
      }
    });

    it("costs 4 ULP at most where the sum alone is exact, at every point", () => {
      for (const classes of named("accumulation").points(dtype)) {
        expect(errorOfTail(classes, (terms) => terms.reduce((a, b) => a + b))).toBeLessThanOrEqual(4);
      }
    });

    it.each([1, 16, 64])("costs more than 16 ULP where sums are of the dtype, in %i lanes", (lanes) => {
      expect(errorOfTail(262_144, inLanes(lanes))).toBeGreaterThan(16);
    });
  });
});
