import { oracle } from "@softmax-bench/numerics";
import { type GradientOptions, SoftmaxKernel } from "@softmax-bench/wasm-simd";
import { afterAll, describe, expect, it } from "vitest";
import { INSTRUCTIONS } from "./instructions.js";

const kernels = await Promise.all(
  INSTRUCTIONS.map(async (instructions) => ({
    instructions,
    kernel: await SoftmaxKernel.start({ instructions }),
    team: await SoftmaxKernel.start({ instructions, threads: 3 }),
  })),
);
afterAll(async () => {
  for (const { kernel, team } of kernels) {
    await kernel.dispose();
    await team.dispose();
  }
});

type Values = Float32Array | Float64Array;
const DTYPES = [
  { dtype: "float32", ArrayType: Float32Array, digits: 24, farthest: 3e38 },
  { dtype: "float64", ArrayType: Float64Array, digits: 53, farthest: 1e308 },
] as const;

/** Deterministic and irregular: fractional parts of multiples of the golden ratio, around 0. */
const irregular = (length: number, scale: number) =>
  Float64Array.from({ length }, (_, index) => (((index * 0.6180339887) % 1) - 0.5) * 2 * scale);

describe.each(kernels)("two-pass of $instructions", ({ kernel, team }) => {
  describe.each(DTYPES)("$dtype", ({ ArrayType, digits, farthest }) => {
    const compute = (logits: Values, labels: Int32Array, options: GradientOptions<never> = {}) =>
      kernel.softmaxCrossEntropy(logits as Float32Array, labels, { ...options, twoPass: true });

    /** The largest error of an entry in unit roundoffs of it, against double-double arithmetic; subnormal entries are left out. */
    const worst = (logits: Values, labels: Int32Array): number => {
      const [rows, classes] = [labels.length, logits.length / labels.length];
      const exact = oracle({ rows, classes, logits, labels, reduction: "sum" }).gradient.hi;
      const { gradient } = compute(logits, labels, { reduction: "sum" });
      const least = digits === 24 ? 2 ** -125 : 2 ** -1021;
      return exact.reduce((most, expected, index) => {
        const error = Math.abs((gradient[index] as number) - expected);
        if (!Number.isFinite(error)) return Number.POSITIVE_INFINITY;
        return Math.abs(expected) < least
          ? most
          : Math.max(most, error / (Math.abs(expected) * 2 ** -digits));
      }, 0);
    };

    // Two exponentials, three roundings of the sum, the quotient and the product; see `packages/core/src/bounds/probabilities.ts`.
    const BOUND = 2 + 2 + 3 + 1 + 1;

    it.each([1e-3, 1, 10, 30, 60, 100, 300, 1e3, 1e4, 1e6, 1e30])(
      "is within 9 roundoffs at a scale of %s, whatever is subtracted elsewhere",
      (scale) => {
        for (const [rows, classes] of [
          [40, 10],
          [3, 1030],
          [1, 3001],
        ] as const) {
          const logits = ArrayType.from(irregular(rows * classes, scale));
          const labels = Int32Array.from({ length: rows }, (_, row) => (row * 7) % classes);
          expect(worst(logits, labels), `${rows} × ${classes}`).toBeLessThanOrEqual(BOUND);
        }
      },
    );

    it.each([-1e6, -2000, -1500, -700, -230, -200, -100, -40, 40, 70, 100, 200, 230, 700, 1500, 2000, 1e6])(
      "is within 9 roundoffs at an offset of %s",
      (offset) => {
        const logits = ArrayType.from(irregular(2500, 8).map((value) => value + offset));
        expect(worst(logits, Int32Array.of(0, 700))).toBeLessThanOrEqual(BOUND);
        expect(worst(logits.subarray(0, 12), Int32Array.of(1, 2, 0, 1))).toBeLessThanOrEqual(BOUND);
      },
    );

    it("is right where blocks are far from each other, in either direction, and masked", () => {
      for (const slope of [0.02, -0.02, 0.3, -0.3]) {
        const logits = ArrayType.from(Array.from({ length: 5000 }, (_, c) => c * slope));
        for (const label of [0, 2500, 4999]) {
          expect(worst(logits, Int32Array.of(label))).toBeLessThanOrEqual(BOUND);
        }
        logits.fill(Number.NEGATIVE_INFINITY, 1000, 2200);
        expect(worst(logits, Int32Array.of(4999))).toBeLessThanOrEqual(BOUND);
      }
    });

    it("has a sum of 262,144 terms that is right to a few roundoffs", () => {
      const classes = 262_144;
      const logits = new ArrayType(classes).fill(-8);
      logits[5] = 0;
      expect(worst(logits, Int32Array.of(5))).toBeLessThanOrEqual(BOUND);
      // All terms are equal, so that one-by-one sums round alike each time.
      logits.fill(0.1);
      expect(worst(logits, Int32Array.of(5))).toBeLessThanOrEqual(BOUND);
    });

    it("keeps digits that a large upstream gradient makes visible", () => {
      const upstream = ArrayType.of(2 ** 60);
      const logits = ArrayType.of(0, -95, -110);
      const { gradient } = compute(logits, Int32Array.of(0), {
        reduction: "none",
        upstream: upstream as never,
      });
      expect(Math.abs((gradient[2] as number) / (Math.exp(-110) * 2 ** 60) - 1)).toBeLessThan(2 ** -21);
      const low = ArrayType.of(65, 64);
      const { gradient: small } = compute(low, Int32Array.of(0), {
        reduction: "none",
        upstream: ArrayType.of(2 ** -100) as never,
      });
      expect(Math.abs((small[1] as number) / (2 ** -100 / (1 + Math.E)) - 1)).toBeLessThan(2 ** -21);
    });

    it("has no loss that is lost beside the label's probability: log1p(exp(−40)) at [40, 0]", () => {
      // log1p(exp(−40)) to 16 digits (bc).
      const expected = 4.248354255291589e-18;
      const { loss, gradient } = compute(ArrayType.of(40, 0), Int32Array.of(0));
      expect(Math.abs(loss / expected - 1)).toBeLessThan(2 ** (2 - digits));
      expect(Math.abs((gradient[0] as number) / -expected - 1)).toBeLessThan(2 ** (2 - digits));
    });

    it("has a loss that neither overflows nor cancels far out", () => {
      for (const [logits, label, expected] of [
        [[farthest, 0], 1, farthest],
        [[farthest, 0], 0, 0],
        [[-farthest, 0], 0, farthest],
        [[1e4, 1e4 - 1], 1, Math.log1p(Math.E)],
        [[-1e4, -1e4 - 1], 0, Math.log1p(1 / Math.E)],
        [[0, 500], 0, 500],
        [[-2000, 1500, 3], 0, 3500],
      ] as const) {
        const { loss } = compute(ArrayType.from(logits), Int32Array.of(label), { reduction: "sum" });
        expect(Math.abs(loss - expected), `${logits}`).toBeLessThanOrEqual(expected * 2 ** (2 - digits));
      }
    });

    it("is NaN all over a row that has a NaN or an infinite logit, or is masked altogether", () => {
      for (const poison of [Number.NaN, Number.POSITIVE_INFINITY]) {
        for (const place of [0, 4, 9]) {
          const logits = ArrayType.from(irregular(20, 2));
          logits[10 + place] = poison;
          const { losses, gradient } = compute(logits, Int32Array.of(4, 4));
          expect(losses[0]).toBeGreaterThan(0);
          expect(losses[1]).toBeNaN();
          expect([...gradient.subarray(0, 10)].some(Number.isNaN)).toBe(false);
          expect([...gradient.subarray(10)].every(Number.isNaN)).toBe(true);
        }
      }
      const masked = new ArrayType(10).fill(Number.NEGATIVE_INFINITY);
      expect([...compute(masked, Int32Array.of(4)).gradient].every(Number.isNaN)).toBe(true);
    });

    it("takes masked classes: probability 0, and an infinite loss only for a masked label", () => {
      const logits = ArrayType.from(irregular(3000, 3));
      logits.fill(Number.NEGATIVE_INFINITY, 0, 1100);
      expect(worst(logits, Int32Array.of(1500))).toBeLessThanOrEqual(BOUND);
      expect(compute(logits, Int32Array.of(1500)).gradient[0]).toBe(0);
      const masked = compute(logits, Int32Array.of(3));
      expect(masked.loss).toBe(Number.POSITIVE_INFINITY);
      expect(masked.gradient[3]).toBe(-1);
    });

    it("has the same bits on three threads as on one", () => {
      const [rows, classes] = [97, 1500];
      const logits = ArrayType.from(irregular(rows * classes, 90));
      const labels = Int32Array.from({ length: rows }, (_, row) => (row * 7) % classes);
      const expected = compute(logits, labels);
      const computed = team.softmaxCrossEntropy(logits as Float32Array, labels, { twoPass: true });
      expect(computed.losses).toEqual(expected.losses);
      expect(computed.gradient).toEqual(expected.gradient);
      const alone = team.loss(logits as Float32Array, labels, { twoPass: true });
      expect(alone.losses).toEqual(expected.losses);
    });
  });
});

describe.each(kernels)("a loss of probabilities at a confident row, of $instructions", ({ kernel }) => {
  it.each([false, true])("is log1p(exp(−40)) at [40, 0] for [1, 0]; two-pass: %s", (twoPass) => {
    for (const logits of [
      [40, 0],
      [0, 40],
    ]) {
      const labels = Float64Array.from(logits, (logit) => (logit === 40 ? 1 : 0));
      const { loss } = kernel.loss(Float64Array.from(logits), labels, { classes: 2, twoPass });
      // log1p(exp(−40)) to 16 digits (bc).
      expect(Math.abs(loss / 4.248354255291589e-18 - 1)).toBeLessThan(1e-14);
    }
  });

  it.each([false, true])(
    "sums what is beside the largest class over several blocks; two-pass: %s",
    (twoPass) => {
      const classes = 3000;
      const logits = new Float64Array(classes).fill(-50);
      const labels = new Float64Array(classes);
      logits[2100] = 0;
      labels[2100] = 1;
      const { losses } = kernel.softmaxCrossEntropy(logits, labels, { classes, twoPass });
      expect(Math.abs((losses[0] as number) / (2999 * Math.exp(-50)) - 1)).toBeLessThan(1e-14);
    },
  );
});
