import {
  argMax,
  indices as constantIndices,
  cumSum,
  elementsOf,
  isFloat,
  neg,
  range,
  reshape,
  scalar,
  sub,
  topK,
  type Value,
} from "@softmax-bench/graph";
import { axisFrom, type Reader, type Readers } from "./reader.js";

/** Start, limit and step are known, so that only the length may depend on a batch size. */
const readRange: Reader = (node) => {
  const [start, limit, delta] = [0, 1, 2].map(
    (position) => node.number(position) ?? node.fail(`lacks input #${position}`),
  );
  return range(start as number, limit as number, delta as number, node.constant(0).dtype);
};

const readCumSum: Reader = (node) => {
  const x = node.input(0);
  const axis = axisFrom(node, node.number(1) ?? node.fail("lacks an axis"), x.shape.length);
  return cumSum(x, axis, { exclusive: node.flag("exclusive"), reverse: node.flag("reverse") });
};

/** −1 − x turns the order of integers around without an overflow. */
const reversed = (x: Value): Value => (isFloat(x) ? neg(x) : sub(scalar(-1, x.dtype), x));

const extremum =
  (operand: (x: Value) => Value): Reader =>
  (node) => {
    const x = node.input(0);
    const axis = axisFrom(node, node.int("axis", 0), x.shape.length);
    const position = argMax(operand(x), axis, { last: node.flag("select_last_index") });
    return node.flag("keepdims", true) ? position : reshape(position, x.shape.toSpliced(axis, 1));
  };

const readTopK: Reader = (node) => {
  const x = node.input(0);
  const k = node.number(1) ?? node.fail("lacks k");
  const axis = axisFrom(node, node.int("axis", -1), x.shape.length);
  node.flag("sorted", true);
  const { values, positions } = topK(x, k, axis, { largest: node.flag("largest", true) });
  return [values, positions];
};

/** The positions of a known tensor's elements that are not 0, a column for each. */
const nonZero: Reader = (node) => {
  const x = node.constant(0);
  const rank = x.shape.length;
  const found = elementsOf(x).flatMap((element, index) => (Number(element) === 0 ? [] : [index]));
  const positions = x.shape.flatMap((size, axis) => {
    const inner = x.shape.slice(axis + 1).reduce((product, dim) => product * dim, 1);
    return found.map((index) => Math.floor(index / inner) % size);
  });
  return constantIndices([rank, found.length], positions);
};

export const SEQUENCES: Readers = {
  ArgMax: extremum((x) => x),
  ArgMin: extremum(reversed),
  CumSum: readCumSum,
  NonZero: nonZero,
  Range: readRange,
  TopK: readTopK,
};
