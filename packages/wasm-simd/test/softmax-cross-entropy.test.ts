import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type GradientOptions, SoftmaxKernel } from "@softmax-bench/wasm-simd";
import fc from "fast-check";
import { afterAll, describe, expect, it, vi } from "vitest";
import { INSTRUCTIONS } from "./instructions.js";

// Seconds of computing, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const kernels = await Promise.all(
  INSTRUCTIONS.map(async (instructions) => ({
    instructions,
    kernel: await SoftmaxKernel.start({ instructions }),
    team: await SoftmaxKernel.start({ instructions, threads: 3 }),
  })),
);
const [{ kernel }] = kernels as [(typeof kernels)[0]];
afterAll(async () => {
  for (const { kernel, team } of kernels) {
    await kernel[Symbol.asyncDispose]();
    await team[Symbol.asyncDispose]();
  }
});

/** A module that ends every thread in which it is loaded. */
const EXIT_IN_THREAD = fileURLToPath(new URL("./support/exit-in-thread.cjs", import.meta.url));

/** Deterministic and irregular: fractional parts of multiples of the golden ratio, around 0. */
const irregular = (length: number, scale: number) =>
  Float32Array.from({ length }, (_, index) => (((index * 0.6180339887) % 1) - 0.5) * 2 * scale);
const labelsFor = (rows: number, classes: number) =>
  Int32Array.from({ length: rows }, (_, row) => (row * 7) % classes);

/** Loss and gradient of one row as they are defined, in float64. */
function byDefinition(logits: ArrayLike<number>, label: number) {
  const x = Float64Array.from(logits);
  const maximum = x.reduce((a, b) => Math.max(a, b));
  const exponentials = x.map((value) => Math.exp(value - maximum));
  const sum = exponentials.reduce((a, b) => a + b);
  const others = exponentials.reduce((a, b, c) => (c === label ? a : a + b), 0);
  return {
    loss: Math.log(sum) - ((x[label] as number) - maximum),
    gradient: exponentials.map((e, c) => (c === label ? -others / sum : e / sum)),
  };
}

/** (|x − max x| + 10) roundoffs for each entry: the shift, the exponential, the sum, the product. */
function expectRows(logits: Float32Array, labels: Int32Array, gradient: ArrayLike<number>): void {
  const classes = logits.length / labels.length;
  labels.forEach((label, row) => {
    const own = logits.subarray(row * classes, (row + 1) * classes);
    const exact = byDefinition(own, label).gradient;
    const maximum = own.reduce((a, b) => Math.max(a, b));
    const minimum = own.reduce((a, b) => (b > Number.NEGATIVE_INFINITY ? Math.min(a, b) : a), maximum);
    exact.forEach((expected, c) => {
      const z = c === label ? maximum - minimum : Math.min(maximum - (own[c] as number), 104);
      const tolerance = (Math.abs(expected) / labels.length) * (z + 10) * 2 ** -24 + 2 ** -126;
      const error = Math.abs((gradient[row * classes + c] as number) - expected / labels.length);
      // Not an `expect` for each entry, which takes longer than all else here.
      if (!(error <= tolerance)) {
        expect.fail(`row ${row}, class ${c} of ${classes}: off by ${error}, more than ${tolerance}`);
      }
    });
  });
}

describe.each(kernels)("softmaxCrossEntropy of $instructions", ({ instructions, kernel, team }) => {
  it.each([
    ["float32", 10],
    ["float32", 256],
    ["float64", 7],
    ["float64", 128],
  ] as const)(
    "computes two short rows together as each alone, bit by bit: %s, %i classes",
    (dtype, classes) => {
      const rows = 7;
      const logits = (dtype === "float32" ? Float32Array : Float64Array).from(irregular(rows * classes, 9));
      // Of two, one has a maximum that is not finite, or none; the last row has no other.
      logits.fill(Number.NEGATIVE_INFINITY, 0, classes);
      logits[2 * classes + 1] = Number.NaN;
      logits[5 * classes + 1] = Number.POSITIVE_INFINITY;
      const labels = labelsFor(rows, classes);
      for (const exactTarget of [true, false]) {
        const options = { reduction: "sum", exactTarget } as const;
        const whole = kernel.softmaxCrossEntropy(logits, labels, options);
        for (let row = 0; row < rows; row++) {
          const own = logits.slice(row * classes, (row + 1) * classes);
          const alone = kernel.softmaxCrossEntropy(own, labels.slice(row, row + 1), options);
          expect(whole.losses[row]).toBe(alone.loss);
          expect(whole.gradient.slice(row * classes, (row + 1) * classes)).toEqual(alone.gradient);
        }
      }
    },
  );

  it("leaves the label out of the sum of others in any part of a row of float64", () => {
    const classes = 1000;
    for (const label of [0, 255, 256, 511, 512, 767, 768, 999]) {
      const logits = new Float64Array(classes).fill(-40);
      logits[label] = 0;
      const { loss, gradient } = kernel.softmaxCrossEntropy(logits, Int32Array.of(label));
      const others = (classes - 1) * Math.exp(-40);
      expect(loss / others).toBeCloseTo(1, 13);
      expect((gradient[label] as number) / others).toBeCloseTo(-1, 13);
    }
  });

  it("is right for every number of classes around a vector's and a block's, and every label", () => {
    for (const classes of [...Array.from({ length: 40 }, (_, index) => index + 1), 1023, 1024, 1025, 2051]) {
      const step = classes > 40 ? 97 : 1;
      for (let label = 0; label < classes; label += step) {
        const logits = irregular(2 * classes, 4);
        const labels = Int32Array.of(label, classes - 1 - label);
        const { gradient } = kernel.softmaxCrossEntropy(logits, labels);
        expectRows(logits, labels, gradient);
      }
    }
  });

  it("is right where each block has a larger maximum than those before, and where it has a smaller one", () => {
    for (const slope of [0.01, -0.01, 0.05]) {
      const logits = Float32Array.from({ length: 10_000 }, (_, c) => c * slope);
      for (const label of [0, 5000, 9999]) {
        const labels = Int32Array.of(label);
        expectRows(logits, labels, kernel.softmaxCrossEntropy(logits, labels).gradient);
      }
    }
  });

  it("writes nothing but the gradient", () => {
    const around = kernel.allocate("float32", 4 * 16 + 3 * 5);
    around.fill(7);
    const out = around.subarray(32, 32 + 15);
    const logits = irregular(15, 2);
    kernel.softmaxCrossEntropy(logits, labelsFor(3, 5), { out });
    expect(around.filter((value) => value === 7)).toHaveLength(around.length - 15);
    kernel.free(around);
  });

  it("takes masked classes: probability 0, and an infinite loss only for a masked label", () => {
    const logits = irregular(3000, 3);
    // A whole block at the start, and the last class.
    logits.fill(Number.NEGATIVE_INFINITY, 0, 1100);
    logits[2999] = Number.NEGATIVE_INFINITY;
    const labels = Int32Array.of(1500);
    const { loss, gradient } = kernel.softmaxCrossEntropy(logits, labels);
    expectRows(logits, labels, gradient);
    expect(loss).toBeCloseTo(byDefinition(logits, 1500).loss, 5);
    expect(gradient[0]).toBe(0);
    const masked = kernel.softmaxCrossEntropy(logits, Int32Array.of(3));
    expect(masked.loss).toBe(Number.POSITIVE_INFINITY);
    expect(masked.gradient[3]).toBe(-1);
  });

  it("is NaN all over a row that has a NaN or an infinite logit, or is masked altogether", () => {
    for (const poison of [Number.NaN, Number.POSITIVE_INFINITY]) {
      for (const place of [0, 4, 9]) {
        const logits = irregular(20, 2);
        logits[10 + place] = poison;
        const { losses, gradient } = kernel.softmaxCrossEntropy(logits, Int32Array.of(4, 4));
        expect(losses[0]).toBeGreaterThan(0);
        expect(losses[1]).toBeNaN();
        expect(gradient.subarray(0, 10).some(Number.isNaN)).toBe(false);
        expect(gradient.subarray(10).every(Number.isNaN)).toBe(true);
      }
    }
    const masked = new Float32Array(10).fill(Number.NEGATIVE_INFINITY);
    expect(kernel.softmaxCrossEntropy(masked, Int32Array.of(4)).gradient.every(Number.isNaN)).toBe(true);
    const weights = Float32Array.of(0, 1);
    const weightless = kernel.softmaxCrossEntropy(Float32Array.of(Number.NaN, 0), Int32Array.of(0), {
      weights,
      reduction: "sum",
    });
    expect([weightless.loss, ...weightless.gradient]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    const alone = Float32Array.of(Number.POSITIVE_INFINITY);
    expect(
      kernel.softmaxCrossEntropy(alone, Int32Array.of(0), { labelSmoothing: 0.1 }).gradient[0],
    ).toBeNaN();
  });

  it("has neither a mean nor its gradient where the labels' weights add up to 0", () => {
    const [weights, labels] = [Float32Array.of(0, 1, 2), Int32Array.of(0, -1)];
    for (const labelSmoothing of [0, 0.1]) {
      const options = { weights, labelSmoothing, ignoreIndex: -1 };
      const { loss, gradient } = kernel.softmaxCrossEntropy(irregular(6, 1), labels, options);
      // PyTorch's: the ignored row has no gradient all the same.
      expect([loss, ...gradient]).toEqual([...new Array(4).fill(Number.NaN), 0, 0, 0]);
    }
  });

  it("is right at the label where smoothing gives most to the other classes", () => {
    const classes = 2000;
    const logits = irregular(classes, 1e-3);
    for (const labelSmoothing of [0.6, 0.9, 1]) {
      const { gradient } = kernel.softmaxCrossEntropy(logits, Int32Array.of(7), { labelSmoothing });
      const target = 1 - labelSmoothing + labelSmoothing / classes;
      const p = byDefinition(logits, 7).gradient[7] as number;
      expect(Math.abs((gradient[7] as number) - (p + 1 - target))).toBeLessThan(2 ** -23 * target + 1e-9);
    }
  });

  it("does not cancel at a confident label: neither the gradient nor the loss", () => {
    const logits = Float64Array.of(37.43, 0);
    const { loss, gradient } = kernel.softmaxCrossEntropy(logits, Int32Array.of(0));
    // exp(−37.43) to 17 digits (bc).
    expect(gradient[0]).toBeCloseTo(-5.5508e-17, 20);
    expect(loss).toBeCloseTo(5.5508e-17, 20);
    const usual = kernel.softmaxCrossEntropy(logits, Int32Array.of(0), { exactTarget: false });
    expect(usual.gradient[0]).toBe(0);
  });

  it("returns the same bits whatever the number of threads, again and again", () => {
    const [rows, classes] = [301, 997];
    const logits = irregular(rows * classes, 5);
    const labels = labelsFor(rows, classes);
    const expected = kernel.softmaxCrossEntropy(logits, labels);
    for (let time = 0; time < 50; time++) {
      const { loss, gradient } = team.softmaxCrossEntropy(logits, labels);
      expect(loss).toBe(expected.loss);
      expect(Buffer.compare(bytesOf(gradient), bytesOf(expected.gradient))).toBe(0);
    }
  });

  it("wakes threads that have gone to sleep", async () => {
    const logits = irregular(300 * 1000, 5);
    const labels = labelsFor(300, 1000);
    const expected = kernel.loss(logits, labels).loss;
    for (let time = 0; time < 5; time++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(team.loss(logits, labels).loss).toBe(expected);
    }
  });

  it("uses arrays of its own memory in place", () => {
    const logits = kernel.allocate("float32", 15);
    logits.set(irregular(15, 2));
    const out = kernel.allocate("float32", 15);
    const { gradient } = kernel.softmaxCrossEntropy(logits, labelsFor(3, 5), { out });
    expect(gradient).toBe(out);
    expectRows(logits, labelsFor(3, 5), out);
    kernel.free(logits);
    kernel.free(out);
  });

  it("returns the same bits whether rows pass through its memory or are there, of any of the matrices", () => {
    // Several windows of chunks of many rows; a row at a time; less than a chunk.
    for (const [rows, classes] of [
      [1003, 500],
      [9, 20_000],
      [3, 5],
    ] as const) {
      const own = (host: Float32Array) => {
        const array = team.allocate("float32", host.length);
        array.set(host);
        return array;
      };
      const logits = irregular(rows * classes, 5);
      const probabilities = irregular(rows * classes, 0.5).map((value) => value + 0.5);
      const [ownLogits, ownProbabilities] = [own(logits), own(probabilities)];
      const [out, ownOut] = [new Float32Array(logits.length), own(logits)];
      const expected = kernel.softmaxCrossEntropy(logits, probabilities, { classes });
      for (const x of [logits, ownLogits]) {
        for (const t of [probabilities, ownProbabilities]) {
          for (const g of [out, ownOut]) {
            g.fill(Number.NaN);
            const { losses } = team.softmaxCrossEntropy(x, t, { classes, out: g });
            expect(losses).toEqual(expected.losses);
            expect(Buffer.compare(bytesOf(g), bytesOf(expected.gradient))).toBe(0);
          }
          expect(team.loss(x, t, { classes }).losses).toEqual(expected.losses);
        }
      }
      for (const array of [ownLogits, ownProbabilities, ownOut]) team.free(array);
      expect(team.allocated).toBe(0);
    }
  });

  it("takes no more memory for arrays that pass through than for a few of their rows", async () => {
    await using own = await SoftmaxKernel.start({ instructions });
    const [rows, classes] = [20_000, 1000];
    own.softmaxCrossEntropy(new Float32Array(rows * classes), new Int32Array(rows));
    // Grown once for that, and would have to again for one of the matrices.
    expect(own.allocate("int32", 1).buffer.byteLength).toBeLessThan(2 ** 20);
  });

  it("writes to any array that it is given", () => {
    const out = new Float32Array(15);
    expect(kernel.softmaxCrossEntropy(irregular(15, 2), labelsFor(3, 5), { out }).gradient).toBe(out);
    expectRows(irregular(15, 2), labelsFor(3, 5), out);
  });

  it.each([
    ["no logits at all", [], [], {}, /^logits: expected rows × classes entries for 0 labels, got 0$/],
    ["logits that are no rows", [1, 2, 3], [0, 1], {}, /^logits: .* for 2 labels, got 3$/],
    [
      "a label that is no class",
      [1, 2, 3, 4],
      [0, 2],
      {},
      /^labels: expected 0 to 1, got 2 in row 1; set ignoreIndex/,
    ],
    ["a negative label", [1, 2], [-1], {}, /^labels: expected 0 to 1, got -1 in row 0; set ignoreIndex/],
    ["too few weights", [1, 2], [0], { weights: Float32Array.of(1) }, /^weights: expected 2 entries, got 1$/],
    [
      "weights of another dtype",
      [1, 2],
      [0],
      { weights: Float64Array.of(1, 1) },
      /^weights: expected float32/,
    ],
    ["a negative weight", [1, 2], [0], { weights: Float32Array.of(1, -1) }, /^weights: .* got -1 at 1$/],
    ["a weight of NaN", [1, 2], [0], { weights: Float32Array.of(NaN, 1) }, /^weights: .* got NaN at 0$/],
    ["a fraction to ignore", [1, 2], [0], { ignoreIndex: 0.5 }, /^ignoreIndex: .* got 0.5$/],
    ["a smoothing above 1", [1, 2], [0], { labelSmoothing: 2 }, /^labelSmoothing: .* got 2$/],
    ["an upstream for the mean", [1, 2], [0], { upstream: Float32Array.of(1) }, /^upstream: expected with/],
    [
      "a reduction that there is not",
      [1, 2],
      [0],
      { reduction: "max" as "sum" },
      /^reduction: .* got "max"$/,
    ],
    ["a negative number of classes", [1, 2], [0], { classes: -2 }, /^classes: .* got -2$/],
    [
      "an output that is too short",
      [1, 2],
      [0],
      { out: new Float32Array(1) },
      /^out: expected 2 entries, got 1$/,
    ],
  ] as const)("refuses %s", (_, logits, labels, options, message) => {
    // As a caller without types may.
    const given = options as GradientOptions<Float32Array>;
    const call = () => kernel.softmaxCrossEntropy(Float32Array.from(logits), Int32Array.from(labels), given);
    expect(call).toThrow(message);
  });

  it.each([-0.5, Number.NaN, Number.POSITIVE_INFINITY])(
    "refuses a probability of %s, wherever it is",
    (bad) => {
      const [rows, classes] = [3, 1030];
      const good = Float32Array.from({ length: rows * classes }, () => 1 / classes);
      for (const index of [0, 3, 1027, 1028, 1029, 2 * classes, rows * classes - 1]) {
        const call = () => kernel.loss(irregular(rows * classes, 2), good.with(index, bad), { classes });
        expect(call).toThrow(new RegExp(`^labels .* finite numbers of 0 or more, got ${bad} at ${index}$`));
      }
      expect(kernel.loss(irregular(rows * classes, 2), good, { classes }).loss).toBeGreaterThan(0);
    },
  );

  it("takes arrays of classes of their own", () => {
    class Matrix extends Float32Array {
      constructor(...shape: readonly number[]) {
        super(shape.reduce((a, b) => a * b));
      }
    }
    const [logits, out] = [new Matrix(3, 5), new Matrix(3, 5)];
    logits.set(irregular(15, 2));
    kernel.softmaxCrossEntropy(logits, labelsFor(3, 5), { out });
    expectRows(Float32Array.from(logits), labelsFor(3, 5), out);
  });

  it("takes shared memory of others", () => {
    const shared = () => new Float32Array(new SharedArrayBuffer(60));
    const [logits, out] = [shared(), shared()];
    logits.set(irregular(15, 2));
    kernel.softmaxCrossEntropy(logits, labelsFor(3, 5), { out });
    expectRows(logits, labelsFor(3, 5), out);
    const shifted = new Float32Array(logits.buffer, 4, 10);
    const call = () => kernel.softmaxCrossEntropy(logits.subarray(0, 10), Int32Array.of(0), { out: shifted });
    expect(call).toThrow(/^out: expected memory apart from the logits/);
  });

  it("refuses to write over what it reads", () => {
    const [logits, other] = [kernel.allocate("float32", 8), new Float32Array(8)];
    logits.fill(0);
    const over = (out: Float32Array, options = {}) =>
      kernel.softmaxCrossEntropy(logits, other, { classes: 8, out, ...options });
    expect(() => over(logits)).toThrow(/^out: expected memory apart from the logits/);
    expect(() => over(other)).toThrow(/^out: expected memory apart from the labels/);
    const weights = new Float32Array(8);
    expect(() => over(weights, { weights })).toThrow(/^out: expected memory apart from the weights/);
    kernel.free(logits);
  });

  it("refuses labels of the wrong type, and probabilities without a number of classes", () => {
    const logits = Float32Array.of(1, 2);
    const wrong = [0] as unknown as Int32Array;
    expect(() => kernel.softmaxCrossEntropy(logits, wrong)).toThrow(/^labels .* got Array$/);
    expect(() => kernel.softmaxCrossEntropy(logits, Float32Array.of(0, 1))).toThrow(/^classes: expected/);
  });
});

describe("allocate", () => {
  const sizes = fc.array(fc.record({ length: fc.integer({ min: 0, max: 50_000 }), free: fc.boolean() }));

  it("hands out arrays that do not overlap, and takes them back", () => {
    const before = kernel.allocated;
    fc.assert(
      fc.property(sizes, (steps) => {
        const live: Float32Array[] = [];
        steps.forEach(({ length, free }, step) => {
          const array = kernel.allocate("float32", length);
          array.fill(step);
          live.push(array);
          if (free) kernel.free(live.splice(step % live.length, 1)[0] as Float32Array);
        });
        for (const array of live) expect(new Set(array).size).toBeLessThanOrEqual(1);
        for (const array of live) kernel.free(array);
        expect(kernel.allocated).toBe(before);
      }),
      { numRuns: 50 },
    );
  });

  it("refuses what does not fit into 4 GiB, and stays usable", () => {
    expect(() => kernel.allocate("float64", 2 ** 29)).toThrow(/^WebAssembly addresses 4 GiB; .* do not fit$/);
    kernel.free(kernel.allocate("float64", 10));
  });

  it.each([
    ["float32", undefined, /^length: .* got undefined$/],
    ["float32", Number.NaN, /^length: .* got NaN$/],
    ["float32", -1, /^length: .* got -1$/],
    ["int32", 1.5, /^length: .* got 1.5$/],
    ["int8", 4, /^dtype: .* got int8$/],
  ])("refuses %s of length %s, and takes nothing", (dtype, length, message) => {
    const before = kernel.allocated;
    expect(() => kernel.allocate(dtype as "float32", length as number)).toThrow(message);
    expect(kernel.allocated).toBe(before);
  });

  it("refuses to free what it did not hand out, or twice", () => {
    expect(() => kernel.free(new Float32Array(4))).toThrow(
      /^free: expected an array from this kernel's allocate$/,
    );
    const array = kernel.allocate("float32", 4);
    kernel.free(array);
    expect(() => kernel.free(array)).toThrow(/free each array once/);
  });
});

describe("a kernel", () => {
  it("refuses numbers of threads that it cannot have", async () => {
    await expect(SoftmaxKernel.start({ threads: 0 })).rejects.toThrow(
      /^threads: expected an integer from 1 to 64/,
    );
  });

  it("refuses instructions that there are not", async () => {
    const instructions = "avx" as "simd";
    await expect(SoftmaxKernel.start({ instructions })).rejects.toThrow(/^instructions: .* got "avx"$/);
  });

  it.each([
    ["starts where the process has options that suit no thread", {}, /^2$/],
    [
      "says so where a thread ends at once",
      { NODE_OPTIONS: `--require=${EXIT_IN_THREAD}` },
      /^a thread of the kernel ended before it was ready$/,
    ],
  ])("%s", (_, env, expected) => {
    const library = JSON.stringify(import.meta.resolve("@softmax-bench/wasm-simd"));
    const code = `
      import { SoftmaxKernel } from ${library};
      const started = SoftmaxKernel.start({ threads: 2 });
      console.log(await started.then(({ threads }) => threads, ({ message }) => message));`;
    const args = ["--input-type=module", "--eval", code];
    const said = execFileSync(process.execPath, args, { env: { ...process.env, ...env }, encoding: "utf8" });
    expect(said.trim()).toMatch(expected);
  });

  it("ends its threads, and refuses to go on", async () => {
    const disposed = await SoftmaxKernel.start({ threads: 2 });
    await disposed[Symbol.asyncDispose]();
    await disposed[Symbol.asyncDispose]();
    expect(() => disposed.loss(Float32Array.of(1, 2), Int32Array.of(0))).toThrow(/^this kernel was disposed/);
  });
});

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Float64Array) =>
  Buffer.from(buffer, byteOffset, byteLength);
