import { roundToHalf, toHalfBits } from "@softmax-bench/graph";
import { type FloatDType, type GradientOptions, SoftmaxKernel } from "@softmax-bench/wasm-simd";
import { afterAll, describe, expect, it } from "vitest";
import { divide } from "../dist/modules/compute.js";
import { INSTRUCTIONS } from "./instructions.js";

const kernels = await Promise.all(
  INSTRUCTIONS.map(async (instructions) => ({
    instructions,
    single: await SoftmaxKernel.start({ instructions }),
    teams: await Promise.all([2, 3].map((threads) => SoftmaxKernel.start({ instructions, threads }))),
  })),
);
afterAll(async () => {
  for (const { single, teams } of kernels) for (const kernel of [single, ...teams]) await kernel.dispose();
});

type Values = Float32Array | Float64Array | Uint16Array;

/** Beyond three times 32,768, so that up to three threads compute a row; the last of its blocks is not whole. */
const CLASSES = 98_304 + 1024 + 5;

/** Deterministic and irregular: fractional parts of multiples of the golden ratio, around a middle. */
const irregular = (length: number, scale: number, middle = 0) =>
  Array.from({ length }, (_, index) => (((index * 0.6180339887) % 1) - 0.5) * 2 * scale + middle);

function store(dtype: FloatDType, values: readonly number[]): Values {
  if (dtype === "float32") return Float32Array.from(values);
  if (dtype === "float64") return Float64Array.from(values);
  return toHalfBits(
    dtype,
    Float32Array.from(values, (value) => roundToHalf(dtype, value)),
  );
}

/** True if numbers are the same, signs of zeros included; NaN for NaN. */
const isSame = (a: Values, b: Values) =>
  a.length === b.length && a.every((value, index) => Object.is(value, b[index]));

/** Rows of logits by what is special about them. */
const ROWS: Readonly<Record<string, (scale: number) => number[]>> = {
  irregular: (scale) => irregular(CLASSES, scale),
  "with a larger maximum in every block": () => Array.from({ length: CLASSES }, (_, c) => c * 1e-3),
  "with a smaller maximum in every block": () => Array.from({ length: CLASSES }, (_, c) => c * -1e-3),
  "with masked classes": () =>
    irregular(CLASSES, 3).map((value, c) =>
      c < 40_000 || c === CLASSES - 1 ? Number.NEGATIVE_INFINITY : value,
    ),
  "with one class that has nearly all": () =>
    irregular(CLASSES, 1).map((value, c) => (c === 50_000 ? 60 : value)),
  "masked altogether": () => new Array(CLASSES).fill(Number.NEGATIVE_INFINITY),
  "with a NaN": () => irregular(CLASSES, 3).map((value, c) => (c === 70_000 ? Number.NaN : value)),
};

describe.each(kernels)("a row that is split, of $instructions", ({ single, teams }) => {
  /** Expects of every team what one thread computes. */
  function expectSame(
    dtype: FloatDType,
    logits: Values,
    labels: Int32Array | Values,
    options: GradientOptions<never>,
  ): void {
    const given = { ...options, dtype };
    const expected = single.softmaxCrossEntropy(logits, labels, given);
    for (const team of teams) {
      const [own, out] = [team.allocate(dtype, logits.length), team.allocate(dtype, logits.length)];
      own.set(logits as never);
      for (const computed of [
        team.softmaxCrossEntropy(logits, labels, given),
        team.softmaxCrossEntropy(own, labels, { ...given, out }),
      ]) {
        expect(computed.losses).toEqual(expected.losses);
        expect(computed.loss).toEqual(expected.loss);
        expect(isSame(computed.gradient as Values, expected.gradient as Values)).toBe(true);
      }
      expect(team.loss(logits, labels, given).losses).toEqual(expected.losses);
      team.free(own);
      team.free(out);
      expect(team.allocated).toBe(0);
    }
  }

  it.each(Object.entries(ROWS))("has the bits of one thread: %s", (_, row) => {
    const logits = store("float32", row(5));
    // In the first block, in a middle one, in the last, which is not whole.
    for (const label of [0, 50_000, CLASSES - 2]) {
      expectSame("float32", logits, Int32Array.of(label), {});
    }
    expectSame("float32", logits, Int32Array.of(50_000), { labelSmoothing: 0.1 });
    expectSame("float64", store("float64", row(5)), Int32Array.of(50_000), {});
  });

  it.each(["float32", "float64", "float16", "bfloat16"] as const)(
    "has the bits of one thread in %s, with every option",
    (dtype) => {
      const logits = store(dtype, irregular(2 * CLASSES, 5));
      const weights = store(dtype, irregular(CLASSES, 1, 1.25));
      const upstream = store(dtype, [-0.5, 2]);
      const probabilities = store(dtype, irregular(2 * CLASSES, 0.5, 0.5));
      const labels = Int32Array.of(7, 99_000);
      for (const [targets, options] of [
        [labels, {}],
        [labels, { exactTarget: false, reduction: "sum" }],
        // The first row is ignored.
        [labels, { weights, ignoreIndex: 7, labelSmoothing: 0.1 }],
        [labels, { upstream, reduction: "none" }],
        [probabilities, { classes: CLASSES, weights }],
        [labels, { twoPass: true }],
      ] as const) {
        expectSame(dtype, logits, targets, options as GradientOptions<never>);
      }
    },
  );

  it("refuses improper probabilities wherever they are", () => {
    const logits = new Float32Array(CLASSES);
    const [team] = teams;
    for (const index of [0, 50_000, CLASSES - 1]) {
      const probabilities = new Float32Array(CLASSES).fill(1 / CLASSES).with(index, -1);
      expect(() => team?.loss(logits, probabilities, { classes: CLASSES })).toThrow(
        new RegExp(`^labels .* finite numbers of 0 or more, got -1 at ${index}$`),
      );
    }
  });
});

describe("the division of rows", () => {
  it.each([
    ["a single row among two threads", 1, 262_144, 2, { isSplit: true, threads: 2 }],
    ["fewer rows than threads", 3, 262_144, 4, { isSplit: true, threads: 4 }],
    ["a row among as many threads as have enough to do", 1, 100_000, 8, { isSplit: true, threads: 3 }],
    ["no short row", 1, 50_257, 8, { isSplit: false, threads: 1 }],
    ["no rows that are enough for all threads", 2, 262_144, 2, { isSplit: false, threads: 2 }],
  ])("splits %s", (_, rows, classes, threads, expected) => {
    expect(divide(rows, classes, threads, true)).toMatchObject(expected);
  });

  it("splits nothing that cannot be", () => {
    expect(divide(1, 262_144, 2, false)).toMatchObject({ isSplit: false, threads: 1 });
  });
});

describe("two threads", () => {
  it.each([
    ["float32", Float32Array],
    ["float64", Float64Array],
  ] as const)(
    "take less than 0.7 of one thread's time for a row of 262,144 classes in %s",
    {
      tags: "nightly",
    },
    async (dtype, ArrayType) => {
      const classes = 262_144;
      const run = (kernel: SoftmaxKernel) => {
        const [logits, out] = [kernel.allocate(dtype, classes), kernel.allocate(dtype, classes)];
        logits.set(ArrayType.from(irregular(classes, 5)));
        const labels = Int32Array.of(7);
        return () => void kernel.softmaxCrossEntropy(logits, labels, { dtype, out });
      };
      await using one = await SoftmaxKernel.start();
      await using two = await SoftmaxKernel.start({ threads: 2 });
      const calls = [run(one), run(two)];
      const least = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
      for (let time = 0; time < 1000; time++) {
        calls.forEach((call, index) => {
          const start = performance.now();
          call();
          least[index] = Math.min(least[index] as number, performance.now() - start);
        });
      }
      expect((least[1] as number) / (least[0] as number)).toBeLessThan(0.7);
    },
  );
});
