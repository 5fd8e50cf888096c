import {
  add,
  cast,
  constant,
  gather,
  gatherElements,
  isFloat,
  less,
  mul,
  oneHot,
  type Shape,
  scalar,
  scatterElements,
  tensor,
  transpose,
  type Value,
  where,
} from "@softmax-bench/graph";
import { axisFrom, type Reader, type Readers } from "./reader.js";

/** Negative positions count from the end. */
function countedFromStart(indices: Value, size: number): Value {
  const { node } = indices;
  if (node.op === "Constant") {
    const { data, shape } = node.attributes.value as { data: ArrayLike<number | bigint>; shape: Shape };
    const counted = Array.from(data, (value) => (Number(value) < 0 ? Number(value) + size : Number(value)));
    return constant(tensor(indices.dtype, shape, counted));
  }
  const [zero, all] = [scalar(0, indices.dtype), scalar(size, indices.dtype)];
  return where(less(indices, zero), add(indices, all), indices);
}

const readGather: Reader = (node) => {
  const x = node.input(0);
  const axis = axisFrom(node, node.int("axis", 0), x.shape.length);
  return gather(x, countedFromStart(node.input(1), x.shape[axis] as number), axis);
};

const readGatherElements: Reader = (node) => {
  const x = node.input(0);
  const axis = axisFrom(node, node.int("axis", 0), x.shape.length);
  return gatherElements(x, countedFromStart(node.input(1), x.shape[axis] as number), axis);
};

const readScatterElements: Reader = (node) => {
  const x = node.input(0);
  const axis = axisFrom(node, node.int("axis", 0), x.shape.length);
  const combine = node.string("reduction", "none");
  if (combine !== "none" && combine !== "add") return node.fail(`reduction ${combine} is not supported`);
  return scatterElements(
    x,
    countedFromStart(node.input(1), x.shape[axis] as number),
    node.input(2),
    axis,
    combine,
  );
};

/** Off and on values other than 0 and 1 scale and shift the rows; another axis than the last moves them. */
const readOneHot: Reader = (node) => {
  const given = node.input(0);
  const [depth = 0] = node.numbers(1) ?? [];
  const values = node.constant(2);
  const [off = 0, on = 1] = Array.from(values.data, Number);
  const whole = isFloat(given) ? cast(given, "int64") : given;
  const rows = oneHot(countedFromStart(whole, depth), depth, values.dtype);
  const scaled =
    off === 0 && on === 1 ? rows : add(mul(rows, scalar(on - off, values.dtype)), scalar(off, values.dtype));
  const rank = rows.shape.length;
  const axis = axisFrom(node, node.int("axis", -1), rank);
  const order = [...rows.shape.keys()].slice(0, -1);
  order.splice(axis, 0, rank - 1);
  return axis === rank - 1 ? scaled : transpose(scaled, order);
};

export const INDEXING: Readers = {
  ...{ Gather: readGather, GatherElements: readGatherElements, ScatterElements: readScatterElements },
  OneHot: readOneHot,
};
