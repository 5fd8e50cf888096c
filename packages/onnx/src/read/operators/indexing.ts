import {
  add,
  cast,
  constant,
  constantTensor,
  type Element,
  elementsOf,
  gather,
  gatherElements,
  isFloat,
  less,
  oneHot,
  scalar,
  scatterElements,
  tensor,
  transpose,
  type Value,
  where,
} from "@softmax-bench/graph";
import { axisFrom, type Reader, type Readers } from "./reader.js";

/** Positions from −size to −1 count from the end. Others outside stay outside, whichever way a runtime counts. */
function countedFromStart(indices: Value, size: number): Value {
  const { node, dtype, shape } = indices;
  if (node.op === "Constant") {
    const counted = elementsOf(constantTensor(node)).map((index) => fromStart(index, size));
    return constant(tensor(dtype, shape, counted));
  }
  const fromEnd = where(less(indices, scalar(-size, dtype)), indices, add(indices, scalar(size, dtype)));
  return where(less(indices, scalar(0, dtype)), fromEnd, indices);
}

function fromStart(index: Element, size: number): Element {
  if (index >= 0 || index < -size) return index;
  return typeof index === "bigint" ? index + BigInt(size) : index + size;
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

/** Off and on values other than 0 and 1 take the place of those; another axis than the last moves the rows. */
const readOneHot: Reader = (node) => {
  const given = node.input(0);
  const depth = node.number(1) ?? node.fail("lacks a depth");
  const values = node.constant(2);
  if (values.data.length !== 2) node.fail(`takes an off and an on value, got ${values.data.length} values`);
  const [off, on] = elementsOf(values).map((value) => constant(tensor(values.dtype, [], [value])));
  const whole = isFloat(given) ? cast(given, "int64") : given;
  const rows = oneHot(countedFromStart(whole, depth), depth, isFloat(values) ? values.dtype : "float32");
  const isPlain = isFloat(values) && Object.is(values.data[0], 0) && values.data[1] === 1;
  const chosen = isPlain ? rows : where(cast(rows, "bool"), on as Value, off as Value);
  const rank = rows.shape.length;
  const axis = axisFrom(node, node.int("axis", -1), rank);
  const order = [...rows.shape.keys()].slice(0, -1);
  order.splice(axis, 0, rank - 1);
  return axis === rank - 1 ? chosen : transpose(chosen, order);
};

export const INDEXING: Readers = {
  ...{ Gather: readGather, GatherElements: readGatherElements, ScatterElements: readScatterElements },
  OneHot: readOneHot,
};
