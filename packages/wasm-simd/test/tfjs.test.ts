import { SoftmaxKernel } from "@softmax-bench/wasm-simd";
import { softmaxCrossEntropy } from "@softmax-bench/wasm-simd/tfjs";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-backend-wasm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const kernel = await SoftmaxKernel.start();
afterAll(() => kernel.dispose());

/** Probabilities of [0, ln 2, ln 5]: 1/8, 2/8, 5/8. */
const LOGITS = [0, Math.log(2), Math.log(5)];
const TARGETS = [0, 0, 1, 1, 0, 0];

const numbers = (tensor: tf.Tensor): number[] => Array.from(tensor.dataSync());

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((value, index) => {
    expect(Math.abs((actual[index] as number) - value)).toBeLessThan(1e-6);
  });
}

describe.each(["cpu", "wasm"])("softmaxCrossEntropy on the backend %s", (backend) => {
  let logits: tf.Tensor2D;
  let classes: tf.Tensor1D;
  beforeAll(async () => {
    await tf.setBackend(backend);
    logits = tf.tensor2d([...LOGITS, ...LOGITS], [2, 3]);
    classes = tf.tensor1d([2, 0], "int32");
  });
  afterAll(() => tf.dispose([logits, classes]));

  it("has the mean loss and its gradient, of classes, one-hot labels and probabilities", () => {
    const loss = softmaxCrossEntropy(kernel);
    for (const labels of [classes, tf.tensor2d(TARGETS, [2, 3], "int32"), tf.tensor2d(TARGETS, [2, 3])]) {
      const { value, grad } = tf.valueAndGrad((x: tf.Tensor) => loss(x as tf.Tensor2D, labels))(logits);
      expectClose(numbers(value), [(Math.log(8 / 5) + Math.log(8)) / 2]);
      expectClose(
        numbers(grad),
        [1, 2, -3, -7, 2, 5].map((eighths) => eighths / 16),
      );
    }
  });

  it("multiplies by the gradient of what follows, by row where losses are", () => {
    const mean = softmaxCrossEntropy(kernel);
    const scaled = tf.grad((x: tf.Tensor) => mean(x as tf.Tensor2D, classes))(logits, tf.scalar(-4));
    expectClose(
      numbers(scaled),
      [1, 2, -3, -7, 2, 5].map((eighths) => -eighths / 4),
    );
    const losses = softmaxCrossEntropy(kernel, { reduction: "none" });
    const { value, grad } = tf.valueAndGrad((x: tf.Tensor) => losses(x as tf.Tensor2D, classes))(
      logits,
      tf.tensor1d([1, 8]),
    );
    expectClose(numbers(value), [Math.log(8 / 5), Math.log(8)]);
    expectClose(numbers(grad), [1 / 8, 2 / 8, -3 / 8, -7, 2, 5]);
  });

  it("has the kernel's options", () => {
    const weighted = softmaxCrossEntropy(kernel, {
      weights: Float32Array.of(3, 1, 1),
      ignoreIndex: 2,
      reduction: "sum",
    });
    expectClose(numbers(weighted(logits, classes)), [3 * Math.log(8)]);
  });

  it("leaves no tensors behind", () => {
    const loss = softmaxCrossEntropy(kernel);
    const before = tf.memory().numTensors;
    const { value, grad } = tf.valueAndGrad((x: tf.Tensor) => loss(x as tf.Tensor2D, classes))(logits);
    tf.dispose([value, grad, loss(logits, classes)]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each([
    [
      "logits that are no matrix",
      () => [tf.tensor1d([1, 2]), classes],
      /^logits: expected float32 \[N, C\], got float32 \[2\]$/,
    ],
    [
      "logits that are integers",
      () => [tf.tensor2d([1, 2], [1, 2], "int32"), classes],
      /^logits: expected float32 \[N, C\], got int32 \[1,2\]$/,
    ],
    [
      "classes that are floating-point numbers",
      () => [logits, tf.tensor1d([2, 0])],
      /^labels: expected int32 \[2\], or probabilities \[2, 3\], got float32 \[2\]$/,
    ],
    [
      "probabilities of another shape",
      () => [logits, tf.tensor2d([0, 1, 0, 1], [2, 2])],
      /^labels: expected probabilities \[2, 3\], got \[2,2\]$/,
    ],
    [
      "a label that is no class",
      () => [logits, tf.tensor1d([3, 0], "int32")],
      /^labels: expected 0 to 2, got 3 in row 0/,
    ],
  ] as const)("refuses %s", (_, tensors, message) => {
    const [x, labels] = tensors() as [tf.Tensor2D, tf.Tensor];
    expect(() => softmaxCrossEntropy(kernel)(x, labels)).toThrow(message);
  });
});
