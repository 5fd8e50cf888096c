import {
  constant,
  indices as constantIndices,
  elementsOf,
  expand,
  scalar,
  sizeOf,
  tensor,
} from "@softmax-bench/graph";
import type { Reader, Readers } from "./reader.js";

const readConstant: Reader = (node) => {
  const value = node.tensor("value");
  if (value) return constant(value);
  if (node.hasAttribute("value_float")) return scalar(node.float("value_float", 0), "float32");
  const floats = node.floats("value_floats");
  if (floats) return constant(tensor("float32", [floats.length], floats));
  const int = node.int64("value_int");
  if (int !== undefined) return constant(tensor("int64", [], [int]));
  const ints = node.int64s("value_ints") ?? node.fail("has no value that is supported");
  return constant(tensor("int64", [ints.length], ints));
};

/** Shapes are known when a model is read. Negative positions count from the end; all are clamped to the rank. */
const readShape: Reader = (node) => {
  const { shape } = node.input(0);
  const rank = shape.length;
  const counted = (at: number) => Math.min(Math.max(at < 0 ? at + rank : at, 0), rank);
  const part = shape.slice(counted(node.int("start", 0)), counted(node.int("end", shape.length)));
  return constantIndices([part.length], part);
};

const sizeOfAll: Reader = (node) => scalar(sizeOf(node.input(0).shape), "int64");

const filled: Reader = (node) => {
  const shape = node.numbers(0) ?? [];
  const value = node.tensor("value") ?? tensor("float32", [1], [0]);
  if (value.data.length !== 1) node.fail(`takes one value, got ${value.data.length}`);
  return expand(constant(tensor(value.dtype, [], elementsOf(value))), shape);
};

export const CONSTANTS: Readers = {
  Constant: readConstant,
  ConstantOfShape: filled,
  Shape: readShape,
  Size: sizeOfAll,
};
