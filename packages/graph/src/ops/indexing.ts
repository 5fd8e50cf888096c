import { GraphError } from "../error.js";
import { type Attributes, constant, type Value } from "../graph.js";
import type { OpDefinition } from "../op.js";
import {
  allocate,
  type DType,
  type Element,
  elementAt,
  isInteger,
  read,
  type Shape,
  sizeOf,
  type Tensor,
  type TensorType,
  write,
} from "../tensor.js";
import {
  cast,
  equal,
  expand,
  gatherElements,
  reshape,
  scalar,
  scatterElements,
} from "../vocabulary/index.js";
import { withSize } from "./blocks.js";
import {
  expectInputs,
  lanesAlong,
  numberAttribute,
  positionIn,
  positions,
  readAxis,
  stringAttribute,
} from "./support.js";

const zerosLike = (x: Value): Value => expand(scalar(0, x.dtype), x.shape);

/**
 * ONNX `OneHot` with values [0, 1] and the new axis last: indices `[…]` → `[…, depth]`.
 * An index outside `[0, depth)` gives a row of zeros.
 */
export const OneHot: OpDefinition = {
  name: "OneHot",
  infer: (inputs, attributes) => {
    const [indices] = expectInputs(inputs, 1);
    if (!isInteger(indices)) throw new GraphError(`indices must be integers, got ${indices.dtype}`);
    const dtype = stringAttribute(attributes, "dtype") as DType;
    return [{ dtype, shape: [...indices.shape, numberAttribute(attributes, "depth")] }];
  },
  evaluate: ([indices], attributes, [type]) => {
    if (!indices || !type) return [];
    const depth = numberAttribute(attributes, "depth");
    const data = allocate(type);
    for (let row = 0; row < indices.data.length; row++) {
      const index = read(indices.data, row);
      if (index >= 0 && index < depth) write(data, row * depth + index, 1);
    }
    return [{ dtype: type.dtype, shape: type.shape, data }];
  },
  gradient: () => [undefined],
  body: ([labels], attributes) => {
    if (!labels) return [];
    const classes = positions(labels.dtype, numberAttribute(attributes, "depth"));
    const column = reshape(labels, [...labels.shape, 1]);
    return [cast(equal(column, constant(classes)), stringAttribute(attributes, "dtype") as DType)];
  },
};

function checkIndices(x: TensorType, indices: TensorType, attributes: Attributes): void {
  if (!isInteger(indices)) throw new GraphError(`indices must be integers, got ${indices.dtype}`);
  const axis = readAxis(attributes, x.shape);
  const fits =
    indices.shape.length === x.shape.length &&
    indices.shape.every((dim, position) => position === axis || dim === x.shape[position]);
  if (!fits) {
    throw new GraphError(`indices [${indices.shape}] must match [${x.shape}] on all axes but ${axis}`);
  }
}

/** Calls `visit` with the flat index of each element of `indices` and that of the element of x that it refers to. */
function forEachIndex(
  indices: Tensor,
  shape: Shape,
  axis: number,
  visit: (from: number, to: number) => void,
): void {
  const source = lanesAlong(axis, indices.shape);
  const target = lanesAlong(axis, shape);
  for (let lane = 0; lane < source.count; lane++) {
    for (let position = 0; position < source.length; position++) {
      const from = source.index(lane, position);
      visit(from, target.index(lane, positionIn(target.length, read(indices.data, from))));
    }
  }
}

/** Picks one element per index along an axis; the other axes of `x` and `indices` are equal. */
export const GatherElements: OpDefinition = {
  name: "GatherElements",
  infer: (inputs, attributes) => {
    const [x, indices] = expectInputs(inputs, 2);
    checkIndices(x, indices, attributes);
    return [{ dtype: x.dtype, shape: indices.shape }];
  },
  evaluate: ([x, indices], attributes, [type]) => {
    if (!x || !indices || !type) return [];
    const data = allocate(type);
    forEachIndex(indices, x.shape, numberAttribute(attributes, "axis"), (from, to) => {
      write(data, from, elementAt(x.data, to));
    });
    return [{ dtype: type.dtype, shape: type.shape, data }];
  },
  gradient: ({ inputs: [x, indices], attributes, upstream: [upstream] }) => {
    if (!x || !indices || !upstream) return [];
    const axis = numberAttribute(attributes, "axis");
    return [scatterElements(zerosLike(x), indices, upstream, axis, "add"), undefined];
  },
};

/**
 * A copy of `x` with updates written to (reduction `none`) or added at (`add`) one element per index.
 * With `none`, indices must be distinct: ONNX leaves duplicates undefined.
 */
export const ScatterElements: OpDefinition = {
  name: "ScatterElements",
  infer: (inputs, attributes) => {
    const [x, indices, updates] = expectInputs(inputs, 3);
    checkIndices(x, indices, attributes);
    if (updates.dtype !== x.dtype) throw new GraphError(`updates must be ${x.dtype}, got ${updates.dtype}`);
    return [x];
  },
  evaluate: ([x, indices, updates], attributes) => {
    if (!x || !indices || !updates) return [];
    const adds = stringAttribute(attributes, "reduction") === "add";
    const data = x.data.slice();
    // Integers are added as bigints: their sum wraps around.
    const sum = isInteger(x)
      ? (a: Element, b: Element) => BigInt(a) + BigInt(b)
      : (a: Element, b: Element) => Number(a) + Number(b);
    forEachIndex(indices, x.shape, numberAttribute(attributes, "axis"), (from, to) => {
      const update = elementAt(updates.data, from);
      write(data, to, adds ? sum(elementAt(data, to), update) : update);
    });
    return [{ dtype: x.dtype, shape: x.shape, data }];
  },
  gradient: ({ inputs: [x, indices, updates], attributes, upstream: [upstream] }) => {
    if (!x || !indices || !updates || !upstream) return [];
    const axis = numberAttribute(attributes, "axis");
    const ofUpdates = gatherElements(upstream, indices, axis);
    const overwritten = stringAttribute(attributes, "reduction") === "none";
    const ofX = overwritten ? scatterElements(upstream, indices, zerosLike(updates), axis) : upstream;
    return [ofX, undefined, ofUpdates];
  },
};

/** Slices of x along an axis, one per index, in place of that axis. Its gradient sums slices of repeated indices. */
export const Gather: OpDefinition = {
  name: "Gather",
  infer: (inputs, attributes) => {
    const [x, indices] = expectInputs(inputs, 2);
    if (!isInteger(indices)) throw new GraphError(`indices must be integers, got ${indices.dtype}`);
    const axis = readAxis(attributes, x.shape);
    return [
      { dtype: x.dtype, shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)] },
    ];
  },
  evaluate: ([x, indices], attributes, [type]) => {
    if (!x || !indices || !type) return [];
    const axis = numberAttribute(attributes, "axis");
    const [count, inner] = [indices.data.length, sizeOf(x.shape.slice(axis + 1))];
    const size = x.shape[axis] as number;
    const data = allocate(type);
    for (let flat = 0; flat < data.length; flat++) {
      const outer = Math.floor(flat / (count * inner));
      const index = positionIn(size, read(indices.data, Math.floor(flat / inner) % count));
      write(data, flat, elementAt(x.data, (outer * size + index) * inner + (flat % inner)));
    }
    return [{ dtype: type.dtype, shape: type.shape, data }];
  },
  gradient: ({ inputs: [x, indices], attributes, upstream: [upstream] }) => {
    if (!x || !indices || !upstream) return [];
    const axis = numberAttribute(attributes, "axis");
    const count = sizeOf(indices.shape);
    const along = withSize(x.shape, axis, count);
    const places = reshape(
      indices,
      along.map((_, position) => (position === axis ? count : 1)),
    );
    const updates = reshape(upstream, along);
    return [scatterElements(zerosLike(x), expand(places, along), updates, axis, "add"), undefined];
  },
};
