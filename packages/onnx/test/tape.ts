import { type Graph, inputName, legalize, type Tensor, type Value } from "@softmax-bench/graph";
import { interpret, TFJS_KERNELS } from "@softmax-bench/tfjs";
import "@tensorflow/tfjs";
import * as tf from "@tensorflow/tfjs-core";

/** The gradients of a scalar that the tape of TensorFlow.js finds on its CPU backend, in float32; by the inputs' names. */
export async function tapeGradients(
  result: Value,
  inputs: readonly Value[],
  feeds: Readonly<Record<string, Tensor>>,
): Promise<Record<string, Float32Array>> {
  await tf.setBackend("cpu");
  const graph: Graph = legalize({ name: "tape", inputs, outputs: { result } }, TFJS_KERNELS);
  const names = inputs.map(inputName);
  const loss = (...given: tf.Tensor[]) => {
    const fed = Object.fromEntries(names.map((name, index) => [name, given[index] as tf.Tensor]));
    // The tape insists that the result depends on every input.
    const touched = given.map((x) => tf.mul(tf.sum(x), 0)).reduce((a, b) => tf.add(a, b));
    return tf.add(interpret<"result">(graph, fed).result, touched);
  };
  const given = inputs.map((value, index) => {
    const { data } = feeds[names[index] as string] as Tensor;
    return tf.tensor(Array.from(data, Number), [...value.shape], "float32");
  });
  const gradients = tf.tidy(() => tf.grads(loss)(given));
  const found = gradients.map((gradient, index) => [names[index], gradient.dataSync()] as const);
  tf.dispose([given, gradients]);
  return Object.fromEntries(found);
}
