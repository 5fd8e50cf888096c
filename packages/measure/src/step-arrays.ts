import { type FloatArray, floatArray, type StepInputs } from "@softmax-bench/core";
import { inputName, sizeOf } from "@softmax-bench/graph";
import { type Network, network } from "@softmax-bench/networks/graphs";
import type { Values } from "./arrays.js";
import type { NetworkSpec } from "./protocol.js";

/** The exchange of the arrays of a network's training steps, for both ends. */

export const buildNetwork = ({ id, depth, batch, dtype }: NetworkSpec): Network =>
  network(id, depth, batch, dtype);

/** Zeros in place of a step's inputs. */
export function allocateStep({ inputs }: Network, { dtype, batch }: NetworkSpec): StepInputs {
  const values = inputs.map((input) => [inputName(input), floatArray(dtype, sizeOf(input.shape))] as const);
  return { values: Object.fromEntries(values), labels: new Int32Array(batch) };
}

/** The inputs of a step: weights, images, labels. */
export const stepArrays = ({ values: { images, ...weights }, labels }: StepInputs): Values[] => [
  ...Object.values(weights),
  images as FloatArray,
  labels,
];

/** All gradients of a step, or all weights, in the order of the network's parameters, as one array. */
export function concatParameters(
  { parameters }: Network,
  arrays: Readonly<Record<string, FloatArray>>,
  { dtype }: NetworkSpec,
): FloatArray {
  const parts = [...parameters.keys()].map((name) => arrays[name] as FloatArray);
  const all = floatArray(
    dtype,
    parts.reduce((sum, { length }) => sum + length, 0),
  );
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}

/** The reverse of `concatParameters`: views of its parts. */
export function splitParameters({ parameters }: Network, all: FloatArray): Record<string, FloatArray> {
  let offset = 0;
  const parts = [...parameters].map(([name, { shape }]) => {
    const start = offset;
    offset += sizeOf(shape);
    return [name, all.subarray(start, offset)] as const;
  });
  return Object.fromEntries(parts);
}
