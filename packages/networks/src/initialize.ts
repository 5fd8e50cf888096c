import { normalSource } from "@softmax-bench/core";
import { sizeOf, type Tensor, tensor } from "@softmax-bench/graph";
import type { Network } from "./networks.js";

/**
 * Parameters by name. Weights are normal with variance 2 / fan-in (He et al. 2015), or 1 / fan-in for the classifier,
 * which no Relu follows; biases are 0. They are the same on every machine and, up to rounding, in every dtype.
 */
export function initialize({ id, depth, layers, parameters }: Network, seed: number): Map<string, Tensor> {
  const values = new Map<string, Tensor>();
  for (const [name, { dtype, shape }] of parameters) {
    const isClassifier = layers.at(-1)?.parameters.includes(name);
    const deviation = Math.sqrt((isClassifier ? 1 : 2) / sizeOf(shape.slice(1)));
    const normal = normalSource(`network/${id}-${depth}/${name}`, seed);
    const element = shape.length === 1 ? () => 0 : () => deviation * normal();
    values.set(name, tensor(dtype, shape, Array.from({ length: sizeOf(shape) }, element)));
  }
  return values;
}
