import { fromHalfBits, type HalfDType, roundToHalf, toHalfBits } from "@softmax-bench/graph";
import {
  type FloatArray,
  type GradientOptions,
  type LossOptions,
  SoftmaxKernel,
} from "@softmax-bench/wasm-simd";
import { afterAll, describe, expect, expectTypeOf, it } from "vitest";
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
    await kernel[Symbol.asyncDispose]();
    await team[Symbol.asyncDispose]();
  }
});

const DTYPES = ["float16", "bfloat16"] as const;

/** Deterministic and irregular: fractional parts of multiples of the golden ratio, around a middle. */
const irregular = (length: number, scale: number, middle = 0) =>
  Float32Array.from({ length }, (_, index) => (((index * 0.6180339887) % 1) - 0.5) * 2 * scale + middle);

const toBits = (dtype: HalfDType, values: Float32Array) =>
  toHalfBits(
    dtype,
    values.map((value) => roundToHalf(dtype, value)),
  );

/** Around a vector, around a block, and over several blocks. */
const SHAPES = [
  [3, 1],
  [4, 2],
  [5, 3],
  [7, 4],
  [6, 5],
  [128, 10],
  [3, 1023],
  [3, 1024],
  [2, 1029],
  [2, 5001],
] as const;

/** The arrays and options of a problem in half precision, and the same numbers in float32. */
function problemsFor(dtype: HalfDType, rows: number, classes: number, scale: number) {
  const logits = toBits(dtype, irregular(rows * classes, scale));
  const labels = Int32Array.from({ length: rows }, (_, row) => (row * 7) % classes);
  const weights = toBits(dtype, irregular(classes, 1, 1.25));
  const upstream = toBits(dtype, irregular(rows, 3));
  const probabilities = toBits(dtype, irregular(rows * classes, 0.5, 0.5));
  const masked = logits.slice();
  if (classes > 2) masked[1] = toBits(dtype, Float32Array.of(Number.NEGATIVE_INFINITY))[0] as number;
  const problems: (readonly [Uint16Array, Int32Array | Uint16Array, LossOptions<Uint16Array>])[] = [
    [logits, labels, {}],
    [masked, labels, { exactTarget: false, reduction: "sum" }],
    [masked, labels, { weights, ignoreIndex: 0 }],
    [logits, labels, { reduction: "none", upstream, weights }],
    [logits, labels, { labelSmoothing: 0.1, weights, ignoreIndex: 0, reduction: "sum" }],
    [logits, labels, { labelSmoothing: 0.9, reduction: "none", upstream, exactTarget: false }],
    [logits, probabilities, { classes }],
    [logits, probabilities, { classes, labelSmoothing: 0.2 }],
    [logits, probabilities, { classes, weights, reduction: "none", upstream }],
  ];
  return problems.map(([x, own, options]) => ({
    half: { logits: x, labels: own, options: { ...options, dtype } },
    single: {
      logits: fromHalfBits(dtype, x),
      labels: own instanceof Int32Array ? own : fromHalfBits(dtype, own),
      options: {
        ...options,
        dtype: "float32" as const,
        weights: options.weights && fromHalfBits(dtype, options.weights),
        upstream: options.upstream && fromHalfBits(dtype, options.upstream),
      },
    },
  }));
}

describe.each(kernels)("softmaxCrossEntropy in half precision of $instructions", ({ kernel, team }) => {
  describe.each(DTYPES)("%s", (dtype) => {
    it("has float32's losses and float32's gradient, each entry rounded once", () => {
      for (const [rows, classes] of SHAPES) {
        for (const scale of [1, 20]) {
          for (const { half, single } of problemsFor(dtype, rows, classes, scale)) {
            const where = `${rows} × ${classes}, ${JSON.stringify(half.options)}`;
            const expected = kernel.softmaxCrossEntropy(single.logits, single.labels, single.options);
            const computed = kernel.softmaxCrossEntropy(half.logits, half.labels, half.options);
            expect(computed.losses, where).toEqual(expected.losses);
            expect(computed.loss, where).toBe(expected.loss);
            expectRounded(dtype, computed.gradient, expected.gradient, where);
            const alone = kernel.loss(half.logits, half.labels, half.options);
            expect(alone.losses, where).toEqual(expected.losses);
          }
        }
      }
    });

    it("is NaN all over a row that has a NaN or an infinite logit", () => {
      const logits = toBits(dtype, irregular(30, 2));
      const [nan, infinity] = toBits(
        dtype,
        Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY),
      ) as unknown as [number, number];
      logits[14] = nan;
      logits[21] = infinity;
      const { gradient } = kernel.softmaxCrossEntropy(logits, Int32Array.of(4, 4, 4), { dtype });
      const values = fromHalfBits(dtype, gradient);
      expect(values.subarray(0, 10).some(Number.isNaN)).toBe(false);
      expect(values.subarray(10).every(Number.isNaN)).toBe(true);
    });

    it("sums in float32: 100,000 classes of equal probability have exact entries", () => {
      const classes = 100_000;
      const logits = new Uint16Array(classes);
      const { gradient, loss } = kernel.softmaxCrossEntropy(logits, Int32Array.of(7), {
        dtype,
        reduction: "none",
        upstream: toBits(dtype, Float32Array.of(1024)),
      });
      expect(loss / 1024).toBeCloseTo(Math.log(classes), 6);
      const values = fromHalfBits(dtype, gradient);
      expect(values[0]).toBe(roundToHalf(dtype, 1024 / classes));
      expect(values[7]).toBe(roundToHalf(dtype, -1024 * (1 - 1 / classes)));
    });

    it("keeps the label's entry where p rounds to 1: minus the others' sum, before it is rounded", () => {
      const logits = toBits(dtype, Float32Array.of(12, 0, 1));
      const others = (1 + Math.E) / (Math.exp(12) + 1 + Math.E);
      const labels = Int32Array.of(0);
      const { gradient } = kernel.softmaxCrossEntropy(logits, labels, { dtype });
      expect(fromHalfBits(dtype, gradient)[0]).toBe(roundToHalf(dtype, -others));
    });

    it("has the same bits whatever the number of threads, in place or not", () => {
      for (const [rows, classes] of [
        [301, 997],
        [9, 20_000],
      ] as const) {
        for (const { half } of problemsFor(dtype, rows, classes, 5)) {
          const expected = kernel.softmaxCrossEntropy(half.logits, half.labels, half.options);
          const own = team.allocate(dtype, half.logits.length);
          const out = team.allocate(dtype, half.logits.length);
          own.set(half.logits);
          for (const logits of [half.logits, own]) {
            for (const to of [out.fill(0), new Uint16Array(out.length)]) {
              const { losses } = team.softmaxCrossEntropy(logits, half.labels, { ...half.options, out: to });
              expect(losses).toEqual(expected.losses);
              expect(Buffer.compare(Buffer.from(to), Buffer.from(expected.gradient))).toBe(0);
            }
          }
          team.free(own);
          team.free(out);
          expect(team.allocated).toBe(0);
        }
      }
    });

    it("writes nothing but the gradient", () => {
      const around = kernel.allocate(dtype, 128);
      for (const classes of [1, 3, 5, 8, 13]) {
        around.fill(7);
        const out = around.subarray(32, 32 + 3 * classes);
        const logits = toBits(dtype, irregular(3 * classes, 2));
        kernel.softmaxCrossEntropy(logits, new Int32Array(3), { dtype, out });
        expect(around.filter((value) => value === 7)).toHaveLength(around.length - out.length);
      }
      kernel.free(around);
    });

    it("refuses a probability that is negative, infinite or NaN, with its value", () => {
      for (const bad of [-0.5, Number.POSITIVE_INFINITY, Number.NaN]) {
        const probabilities = irregular(12, 0.25, 0.5);
        probabilities[9] = bad;
        const call = () =>
          kernel.loss(new Uint16Array(12), toBits(dtype, probabilities), { dtype, classes: 4 });
        expect(call).toThrow(new RegExp(`^labels .* finite numbers of 0 or more, got ${bad} at 9$`));
      }
    });

    it("refuses weights that are negative, with their value", () => {
      const weights = toBits(dtype, Float32Array.of(1, -2));
      const call = () => kernel.loss(new Uint16Array(2), Int32Array.of(0), { dtype, weights });
      expect(call).toThrow(/^weights: .* got -2 at 1$/);
    });
  });

  const bits = new Uint16Array(2);
  const singles = new Float32Array(2);
  it.each([
    [
      "bits without a dtype",
      bits,
      {},
      /^dtype: expected float16 or bfloat16 for logits in a Uint16Array, got undefined$/,
    ],
    ["bits as float32", bits, { dtype: "float32" }, /^dtype: expected float16 or bfloat16 .*, got float32$/],
    [
      "float32 as bits",
      singles,
      { dtype: "float16" },
      /^dtype: expected float32 for logits in a Float32Array, got float16$/,
    ],
    [
      "weights in float32",
      bits,
      { dtype: "bfloat16", weights: singles },
      /^weights: expected bfloat16 as the logits are, got a Float32Array$/,
    ],
    [
      "an output of bits for float32",
      singles,
      { out: bits },
      /^out: expected float32 as the logits are, got a Uint16Array$/,
    ],
    [
      "integers",
      new Uint8Array(2) as unknown as Uint16Array,
      { dtype: "float16" },
      /^logits: expected a Float32Array, a Float64Array, or a Uint16Array or Float16Array of half precision, got Uint8Array$/,
    ],
  ] as const)("refuses %s", (_, logits, options, message) => {
    // As a caller without types may.
    const given = options as GradientOptions & { dtype: "float16" };
    expect(() => kernel.softmaxCrossEntropy(logits as FloatArray, Int32Array.of(0), given)).toThrow(message);
  });
});

describe("types", () => {
  const [{ kernel }] = kernels as [(typeof kernels)[0]];
  const [bits, labels] = [new Uint16Array(2), Int32Array.of(0)];

  it("give the gradient the type of the logits", () => {
    const half = kernel.softmaxCrossEntropy(bits, labels, { dtype: "bfloat16" }).gradient;
    expectTypeOf(half).toEqualTypeOf<Uint16Array>();
    expectTypeOf(
      kernel.softmaxCrossEntropy(new Float32Array(2), labels).gradient,
    ).toEqualTypeOf<Float32Array>();
    expectTypeOf(
      kernel.softmaxCrossEntropy(new Float64Array(2), labels).gradient,
    ).toEqualTypeOf<Float64Array>();
    expectTypeOf(kernel.allocate("float16", 0)).toEqualTypeOf<Uint16Array>();
  });

  it("require a dtype for bits, and arrays of one type", () => {
    // @ts-expect-error: without a dtype
    expect(() => kernel.loss(bits, labels)).toThrow(/^dtype/);
    // @ts-expect-error: weights of another type
    expect(() => kernel.loss(new Float32Array(2), labels, { weights: bits })).toThrow(/^weights/);
  });
});

const hasFloat16Array = "Float16Array" in globalThis;
if (hasFloat16Array) describe("Float16Array", describeFloat16Array);
else it.skip("Float16Array is unavailable: Node has it from version 24");

function describeFloat16Array(): void {
  const [{ kernel }] = kernels as [(typeof kernels)[0]];
  const Float16: new (values: Iterable<number>) => Float16Array = Reflect.get(globalThis, "Float16Array");
  type Float16Array = Parameters<typeof kernel.loss>[0] &
    Iterable<number> & { readonly [Symbol.toStringTag]: "Float16Array" };

  it("has the bits of a Uint16Array with dtype float16, and a gradient of its own type", () => {
    const values = irregular(15, 3).map((value) => roundToHalf("float16", value));
    const labels = Int32Array.of(0, 1, 2);
    const { gradient } = kernel.softmaxCrossEntropy(new Float16(values), labels, {
      weights: new Float16([1, 2, 0.5, 1, 1]),
    });
    expect(gradient).toBeInstanceOf(Float16);
    const expected = kernel.softmaxCrossEntropy(toHalfBits("float16", values), labels, {
      dtype: "float16",
      weights: toHalfBits("float16", Float32Array.of(1, 2, 0.5, 1, 1)),
    });
    const { buffer, byteOffset, length } = gradient;
    expect(new Uint16Array(buffer, byteOffset, length)).toEqual(expected.gradient);
  });

  it("is refused as bfloat16", () => {
    const dtype = "bfloat16";
    expect(() => kernel.loss(new Float16([1, 2]), Int32Array.of(0), { dtype })).toThrow(
      /^dtype: expected float16 for logits in a Float16Array, got bfloat16$/,
    );
  });
}

function expectRounded(dtype: HalfDType, bits: Uint16Array, singles: ArrayLike<number>, where: string): void {
  const values = fromHalfBits(dtype, bits);
  expect(values.length).toBe(singles.length);
  values.forEach((value, index) => {
    const expected = roundToHalf(dtype, singles[index] as number);
    // Not an `expect` for each entry, which takes longer than all else here.
    if (!Object.is(value, expected)) expect.fail(`${where}: ${value} at ${index}, expected ${expected}`);
  });
}
