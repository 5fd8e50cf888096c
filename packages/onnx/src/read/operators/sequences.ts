import {
  add,
  argMax,
  cast,
  concat,
  indices as constantIndices,
  cumSum,
  elementsOf,
  equal,
  expand,
  isFloat,
  isHalf,
  mul,
  neg,
  range,
  reshape,
  scalar,
  slice,
  sub,
  topK,
  type Value,
} from "@softmax-bench/graph";
import { toDType } from "../tensors.js";
import { axisFrom, type Reader, type Readers } from "./reader.js";

/**
 * Start, limit and step are known, so only the length may depend on a batch size. Written models have no range in half
 * precision, which only newer operator sets define.
 */
const readRange: Reader = (node) => {
  const [start, limit, delta] = [0, 1, 2].map(
    (position) => node.number(position) ?? node.fail(`lacks input #${position}`),
  );
  const { dtype } = node.constant(0);
  const bounds = [start as number, limit as number, delta as number] as const;
  return isHalf(dtype) ? cast(range(...bounds, "float32"), dtype) : range(...bounds, dtype);
};

const readCumSum: Reader = (node) => {
  const x = node.input(0);
  const axis = axisFrom(node, node.number(1) ?? node.fail("lacks an axis"), x.shape.length);
  return cumSum(x, axis, { exclusive: node.flag("exclusive"), reverse: node.flag("reverse") });
};

/** Products of the elements up to each, one after the other. */
const cumProd: Reader = (node) => {
  const x = node.input(0);
  const axis = axisFrom(node, node.number(1) ?? node.fail("lacks an axis"), x.shape.length);
  const isExclusive = node.flag("exclusive");
  const isReverse = node.flag("reverse");
  const size = x.shape[axis] as number;
  const elements = Array.from({ length: size }, (_, position) => slice(x, axis, position, position + 1));
  const products: Value[] = [];
  let product = expand(scalar(1, x.dtype), x.shape.with(axis, 1));
  for (const element of isReverse ? elements.reverse() : elements) {
    const next = mul(product, element);
    products.push(isExclusive ? product : next);
    product = next;
  }
  return size === 0 ? x : concat(isReverse ? products.reverse() : products, axis);
};

/** Reverses the order: −1 − x does so for integers without an overflow. */
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

/** 1 on a diagonal of a matrix, 0 elsewhere. */
const eyeLike: Reader = (node) => {
  const x = node.input(0);
  const [rows = 0, columns = 0] = x.shape;
  const dtype = node.hasAttribute("dtype") ? toDType(node.int("dtype", 0), "the result") : x.dtype;
  const row = add(reshape(range(0, rows, 1, "int64"), [rows, 1]), scalar(node.int("k", 0), "int64"));
  return cast(equal(row, range(0, columns, 1, "int64")), dtype);
};

export const SEQUENCES: Readers = {
  EyeLike: eyeLike,
  ArgMax: extremum((x) => x),
  ArgMin: extremum(reversed),
  CumSum: readCumSum,
  CumProd: cumProd,
  NonZero: nonZero,
  Range: readRange,
  TopK: readTopK,
};
