import { constant, indices as constantIndices, expand, reshape, scalar, tensor } from "@softmax-bench/graph";
import type { Reader, Readers } from "./reader.js";

const readConstant: Reader = (node) => {
  const value = node.tensor("value");
  if (value) return constant(value);
  if (node.hasAttribute("value_float")) return scalar(node.float("value_float", 0), "float32");
  if (node.hasAttribute("value_int")) return scalar(node.int("value_int", 0), "int64");
  const floats = node.floats("value_floats");
  if (floats) return constant(tensor("float32", [floats.length], floats));
  const ints = node.ints("value_ints");
  return ints ? constantIndices([ints.length], ints) : node.fail("has no value that is supported");
};

/** Shapes are known when a model is read. */
const shapeOf: Reader = (node) => {
  const { shape } = node.input(0);
  const counted = (at: number) => (at < 0 ? at + shape.length : at);
  const part = shape.slice(counted(node.int("start", 0)), counted(node.int("end", shape.length)));
  return constantIndices([part.length], part);
};

const filled: Reader = (node) => {
  const shape = node.numbers(0) ?? [];
  const value = node.tensor("value") ?? tensor("float32", [1], [0]);
  return expand(reshape(constant(value), []), shape);
};

export const CONSTANTS: Readers = { Constant: readConstant, ConstantOfShape: filled, Shape: shapeOf };
