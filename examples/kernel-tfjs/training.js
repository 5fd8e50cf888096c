import { SoftmaxKernel } from "@softmax-bench/wasm-simd";
import { softmaxCrossEntropy } from "@softmax-bench/wasm-simd/tfjs";
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";

await tf.setBackend("wasm");

/** Trains by the loss that TensorFlow.js ships. */
export function libraryLoss({ classes }) {
  return (logits, labels) => tf.losses.softmaxCrossEntropy(tf.oneHot(labels, classes), logits);
}

/** Trains by the kernel. */
export async function kernelLoss() {
  return softmaxCrossEntropy(await SoftmaxKernel.start({ threads: 2 }));
}

/** Irregular numbers between −0.5 and 0.5, the same each time. */
const irregular = (length) => Float32Array.from({ length }, (_, index) => ((index * 0.6180339887) % 1) - 0.5);

/**
 * A linear classifier on one batch that is repeated.
 *
 * @returns a step of training, which returns the loss before it
 */
export function createTraining({ rows, inputs, classes }, loss) {
  const batch = tf.tensor2d(irregular(rows * inputs), [rows, inputs]);
  const labels = tf.tensor1d(
    Int32Array.from({ length: rows }, (_, row) => (row * 7919) % classes),
    "int32",
  );
  const weights = tf.variable(tf.tensor2d(irregular(inputs * classes), [inputs, classes]));
  const optimizer = tf.train.sgd(1);
  return () => {
    const value = optimizer.minimize(() => loss(tf.matMul(batch, weights), labels), true, [weights]);
    const [number] = value.dataSync();
    value.dispose();
    return number;
  };
}
