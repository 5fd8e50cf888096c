import { type Graph, inputName, legalize, type Tensor, type Value } from "@softmax-bench/graph";
import { interpret, TFJS_KERNELS } from "@softmax-bench/tfjs";
import "@tensorflow/tfjs";
import * as tf from "@tensorflow/tfjs-core";

/**
 * The gradients of a scalar with respect to some inputs that the tape of TensorFlow.js finds on its CPU backend, in float32,
 * by the inputs' names; and the scalar itself, as `loss`.
 *
 * @param all every input of the graph, if there are others than those
 */
export async function tapeGradients(
  result: Value,
  wrt: readonly Value[],
  feeds: Readonly<Record<string, Tensor>>,
  all: readonly Value[] = wrt,
): Promise<Record<string, Float32Array>> {
  await tf.setBackend("cpu");
  const graph: Graph = legalize({ name: "tape", inputs: all, outputs: { result } }, TFJS_KERNELS);
  const given = new Map(all.map((value) => [inputName(value), fromHost(feeds[inputName(value)] as Tensor)]));
  const names = wrt.map(inputName);
  const loss = (...varied: tf.Tensor[]) => {
    const own = names.map((name, index) => [name, varied[index] as tf.Tensor] as const);
    // The tape insists that the result depends on every input.
    const touched = varied.map((x) => tf.mul(tf.sum(x), 0)).reduce((a, b) => tf.add(a, b));
    const fed = { ...Object.fromEntries(given), ...Object.fromEntries(own) };
    return tf.add(interpret<"result">(graph, fed).result, touched);
  };
  const { value, grads } = tf.valueAndGrads(loss)(names.map((name) => given.get(name) as tf.Tensor));
  const found = grads.map((gradient, index) => [names[index], gradient.dataSync()] as const);
  const computed = { ...Object.fromEntries(found), loss: value.dataSync() };
  tf.dispose([value, grads, [...given.values()]]);
  return computed as Record<string, Float32Array>;
}

const fromHost = ({ data, shape, dtype }: Tensor): tf.Tensor =>
  tf.tensor(Array.from(data, Number), [...shape], dtype === "int64" ? "int32" : "float32");
