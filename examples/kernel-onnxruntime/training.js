import { SoftmaxKernel } from "@softmax-bench/wasm-simd";
import { env, InferenceSession, Tensor } from "onnxruntime-web";
import { createModels } from "./models.js";

env.wasm.numThreads = 2;

/** Irregular numbers between −0.5 and 0.5, the same each time. */
const irregular = (length) => Float32Array.from({ length }, (_, index) => ((index * 0.6180339887) % 1) - 0.5);

/** A batch that is repeated, and the weights to begin with. */
function createInputs({ rows, inputs, classes }) {
  return {
    batch: new Tensor("float32", irregular(rows * inputs), [rows, inputs]),
    weights: new Tensor("float32", irregular(inputs * classes), [inputs, classes]),
    labels: Int32Array.from({ length: rows }, (_, row) => (row * 7919) % classes),
  };
}

const openSession = (model) => InferenceSession.create(model, { executionProviders: ["wasm"] });

/** Trains by the loss that ONNX Runtime computes. @returns a step, which returns the loss before it */
export async function createLibraryTraining(shape) {
  const session = await openSession(createModels(shape).step);
  const { labels: classes, ...feeds } = createInputs(shape);
  const labels = new Tensor("int64", BigInt64Array.from(classes, BigInt), [classes.length]);
  return async () => {
    const { loss, updated } = await session.run({ ...feeds, labels });
    feeds.weights = updated;
    return loss.data[0];
  };
}

/** Trains by the kernel, between the two halves of a step. @returns a step, which returns the loss before it */
export async function createKernelTraining(shape) {
  const { forward, backward } = createModels(shape);
  const [forwards, backwards] = [await openSession(forward), await openSession(backward)];
  const { labels, ...feeds } = createInputs(shape);
  const kernel = await SoftmaxKernel.start({ threads: 2 });
  const out = new Float32Array(shape.rows * shape.classes);
  const upstream = new Tensor("float32", out, [shape.rows, shape.classes]);
  return async () => {
    const { logits } = await forwards.run(feeds);
    const { loss } = kernel.softmaxCrossEntropy(logits.data, labels, { out });
    const { updated } = await backwards.run({ ...feeds, upstream });
    feeds.weights = updated;
    return loss;
  };
}
