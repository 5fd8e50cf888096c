import type { DType, Node } from "@softmax-bench/graph";
import type * as tf from "@tensorflow/tfjs-core";

/** Helpers shared by the readers of nodes. */

const TFJS_DTYPE: Partial<Record<DType, "float32" | "int32" | "bool">> = {
  float32: "float32",
  int32: "int32",
  int64: "int32",
  bool: "bool",
};

export function tfjsDType(dtype: unknown): "float32" | "int32" | "bool" {
  const found = TFJS_DTYPE[dtype as DType];
  if (!found) throw new Error(`TensorFlow.js has no dtype ${String(dtype)}`);
  return found;
}

export function requireInput(node: Node, input: tf.Tensor | undefined): tf.Tensor {
  if (!input) throw new Error(`${node.op} lacks an input`);
  return input;
}

export function numbers(node: Node, name: string): readonly number[] {
  const value = node.attributes[name];
  if (!Array.isArray(value)) throw new Error(`${node.op} lacks its attribute ${name}`);
  return value as readonly number[];
}
