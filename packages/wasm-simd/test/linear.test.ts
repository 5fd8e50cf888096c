import { SoftmaxKernel } from "@softmax-bench/wasm-simd";
import { afterAll, describe, expect, it } from "vitest";
import { rowsAtOnce } from "../dist/modules/linear.js";
import { INSTRUCTIONS } from "./instructions.js";

const kernels = await Promise.all(
  INSTRUCTIONS.map(async (instructions) => ({
    instructions,
    kernel: await SoftmaxKernel.start({ instructions }),
  })),
);
afterAll(async () => {
  for (const { kernel } of kernels) await kernel.dispose();
});

/** Deterministic and irregular: fractional parts of multiples of the golden ratio, around 0. */
const irregular = (length: number, scale: number) =>
  Float32Array.from({ length }, (_, index) => (((index * 0.6180339887) % 1) - 0.5) * 2 * scale);

interface Options {
  readonly ignoreIndex?: number;
  readonly reduction?: "mean" | "sum" | "none";
}

/** Loss and gradients as they are defined, in float64. */
function byDefinition(input: Float32Array, matrix: Float32Array, labels: Int32Array, options: Options) {
  const width = input.length / labels.length;
  const classes = matrix.length / width;
  const counted = labels.filter((label) => label !== options.ignoreIndex).length;
  const share = options.reduction === undefined || options.reduction === "mean" ? 1 / counted : 1;
  const inputGradient = new Float64Array(input.length);
  const matrixGradient = new Float64Array(matrix.length);
  let loss = 0;
  labels.forEach((label, row) => {
    if (label === options.ignoreIndex) return;
    const x = input.subarray(row * width, (row + 1) * width);
    const rowOf = (c: number) => matrix.subarray(c * width, (c + 1) * width);
    const logits = Array.from({ length: classes }, (_, c) =>
      rowOf(c).reduce((sum, value, d) => sum + value * (x[d] as number), 0),
    );
    const sum = logits.reduce((all, logit) => all + Math.exp(logit), 0);
    loss += share * (Math.log(sum) - (logits[label] as number));
    logits.forEach((logit, c) => {
      const g = share * (Math.exp(logit) / sum - (c === label ? 1 : 0));
      for (let d = 0; d < width; d++) {
        inputGradient[row * width + d] =
          (inputGradient[row * width + d] as number) + g * (rowOf(c)[d] as number);
        matrixGradient[c * width + d] = (matrixGradient[c * width + d] as number) + g * (x[d] as number);
      }
    });
  });
  return { loss, inputGradient, matrixGradient };
}

/** The largest difference over the largest exact entry. */
function worst(actual: Float32Array, expected: Float64Array): number {
  expect(actual).toHaveLength(expected.length);
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return (
    expected.reduce((most, value, i) => Math.max(most, Math.abs((actual[i] as number) - value)), 0) /
    (largest || 1)
  );
}

describe.each(kernels)("linearSoftmaxCrossEntropy of $instructions", ({ kernel }) => {
  it.each([
    ["a single number", 1, 1, 1],
    ["less than a tile", 3, 3, 2],
    ["odd sizes", 7, 13, 11],
    ["whole tiles", 8, 16, 16],
    ["several blocks of rows, the last one partial", 139, 10, 9],
    ["several blocks of classes", 6, 1030, 33],
    ["more terms than a block of them", 70, 131, 70],
  ])("has loss and gradients as defined, for %s", (_, rows, classes, width) => {
    const [input, matrix] = [irregular(rows * width, 1), irregular(classes * width, 1.3)];
    const labels = Int32Array.from({ length: rows }, (_, row) => (row * 7) % classes);
    labels[rows - 1] = rows > 3 ? -1 : 0;
    for (const options of [{ ignoreIndex: -1 }, { ignoreIndex: -1, reduction: "sum" }] as const) {
      const expected = byDefinition(input, matrix, labels, options);
      for (const twoPass of [false, true]) {
        const computed = kernel.linearSoftmaxCrossEntropy(input, matrix, labels, { ...options, twoPass });
        // Roundings of a sum of `width` products, whose size is about 1, and of sums over rows or classes.
        const tolerance = (width + 40) * 2 ** -24;
        expect(Math.abs(computed.loss - expected.loss)).toBeLessThan(tolerance * rows);
        expect(worst(computed.inputGradient, expected.inputGradient)).toBeLessThan(tolerance);
        expect(worst(computed.matrixGradient, expected.matrixGradient)).toBeLessThan(tolerance);
      }
    }
    expect(kernel.allocated).toBe(0);
  });

  it("has the losses of the kernel for the same logits, with all options", () => {
    const [rows, classes] = [6, 50];
    // A product with the identity has the logits' own bits.
    const logits = irregular(rows * classes, 4);
    const identity = Float32Array.from({ length: classes * classes }, (_, i) =>
      i % (classes + 1) === 0 ? 1 : 0,
    );
    const labels = Int32Array.of(3, 1, 4, 1, 5, 9);
    for (const options of [
      {},
      { weights: irregular(classes, 1).map(Math.abs), labelSmoothing: 0.1, ignoreIndex: 1 },
      { reduction: "none", upstream: Float32Array.of(1, -2, 3, 0.5, 0, 4), twoPass: true },
    ] as const) {
      const expected = kernel.softmaxCrossEntropy(logits, labels, options);
      const computed = kernel.linearSoftmaxCrossEntropy(logits, identity, labels, options);
      expect(computed.losses).toEqual(expected.losses);
      expect(computed.loss).toBe(expected.loss);
      // A sum of zeros is +0.
      expect(computed.inputGradient).toEqual(expected.gradient.map((value) => value + 0));
    }
  });

  it("uses a matrix of its own memory in place, and holds the logits of a block of rows only", async () => {
    await using own = await SoftmaxKernel.start();
    const [rows, classes, width] = [256, 20_000, 4];
    const matrix = own.allocate("float32", classes * width);
    matrix.set(irregular(classes * width, 1));
    own.linearSoftmaxCrossEntropy(irregular(rows * width, 1), matrix, new Int32Array(rows));
    // Two blocks of 64 rows, the matrix and its gradient, and a MiB; all logits would be 20 MB.
    const expected = 2 * 64 * classes * 4 + 2 * matrix.byteLength + 2 ** 20;
    expect(own.allocate("int32", 1).buffer.byteLength).toBeLessThan(expected);
    expect(own.allocated).toBeLessThan(matrix.byteLength + 256);
  });

  it.each([
    [
      "an input of another type",
      new Float64Array(4),
      new Float32Array(4),
      [0],
      /^input: expected an array of type Float32Array, got Float64Array$/,
    ],
    [
      "labels of another type",
      new Float32Array(4),
      new Float32Array(4),
      undefined,
      /^labels: expected an array of type Int32Array, got Array$/,
    ],
    [
      "rows that do not fit",
      new Float32Array(5),
      new Float32Array(4),
      [0, 1],
      /^input: expected \[N, D\] .* labels, 2, got 5 entries$/,
    ],
    [
      "a matrix that does not fit",
      new Float32Array(6),
      new Float32Array(4),
      [0, 1],
      /^matrix: expected \[C, D\] with rows of 3 .* got 4 entries$/,
    ],
    [
      "a label that is no class",
      new Float32Array(4),
      new Float32Array(4),
      [0, 2],
      /^labels: expected 0 to 1, got 2 in row 1/,
    ],
  ] as const)("refuses %s", (_, input, matrix, labels, message) => {
    const given = (labels ? Int32Array.from(labels) : [0]) as Int32Array;
    expect(() => kernel.linearSoftmaxCrossEntropy(input as Float32Array, matrix, given)).toThrow(message);
  });
});

describe("rows at a time", () => {
  it("are as many as fit 16 MiB of logits, in whole tiles, 64 at most", () => {
    expect(rowsAtOnce(4096, 151_936)).toBe(24);
    expect(rowsAtOnce(4096, 1000)).toBe(64);
    expect(rowsAtOnce(5, 1000)).toBe(5);
    expect(rowsAtOnce(100, 10_000_000)).toBe(4);
  });
});
