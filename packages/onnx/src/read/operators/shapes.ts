import {
  add,
  expand,
  flatten,
  greater,
  less,
  range,
  reshape,
  type Shape,
  sameShape,
  scalar,
  sizeOf,
  squeeze,
  transpose,
  unsqueeze,
  where,
} from "@softmax-bench/graph";
import type { OnnxNode } from "../node.js";
import { axisFrom, type Reader, type Readers } from "./reader.js";

/** A size of 0 copies that of x at the same place, and a size of −1 is the remainder. The same shape is x itself. */
const readReshape: Reader = (node) => {
  const x = node.input(0);
  const allowZero = node.flag("allowzero");
  const given = node.numbers(1) ?? node.fail("lacks a shape");
  const sizes = given.map((size, axis) => (size === 0 && !allowZero ? (x.shape[axis] ?? 0) : size));
  const known = sizeOf(sizes.filter((size) => size !== -1));
  const shape = sizes.map((size) => (size === -1 ? sizeOf(x.shape) / known : size));
  return sameShape(shape, x.shape) ? x : reshape(x, shape);
};

const readExpand: Reader = (node) => {
  const x = node.input(0);
  const shape = node.numbers(1) ?? node.fail("lacks a shape");
  const rank = Math.max(shape.length, x.shape.length);
  const at = (sizes: Shape, axis: number) => sizes[axis - rank + sizes.length] ?? 1;
  // Broadcasting works in both directions: a size of 1 has no effect.
  return expand(
    x,
    Array.from({ length: rank }, (_, axis) => (at(shape, axis) === 1 ? at(x.shape, axis) : at(shape, axis))),
  );
};

const squeezed: Reader = (node) => {
  const x = node.input(0);
  const axes = node.numbers(1)?.map((axis) => axisFrom(node, axis, x.shape.length));
  const ones = [...x.shape.keys()].filter((axis) => x.shape[axis] === 1);
  return squeeze(x, axes ?? ones);
};

const unsqueezed: Reader = (node) => {
  const x = node.input(0);
  const axes = node.numbers(1) ?? node.fail("lacks axes");
  return unsqueeze(
    x,
    axes.map((axis) => axisFrom(node, axis, x.shape.length + axes.length)).sort((a, b) => a - b),
  );
};

/** Repeats each axis as a whole: a new axis before it, expanded. */
const tile: Reader = (node) => {
  const x = node.input(0);
  const repeats = node.numbers(1) ?? node.fail("lacks repeats");
  if (repeats.length !== x.shape.length) node.fail(`repeats [${repeats}] do not fit [${x.shape}]`);
  const apart = reshape(
    x,
    x.shape.flatMap((size) => [1, size]),
  );
  const repeated = expand(
    apart,
    x.shape.flatMap((size, axis) => [repeats[axis] as number, size]),
  );
  return reshape(
    repeated,
    x.shape.map((size, axis) => size * (repeats[axis] as number)),
  );
};

/** The upper or lower triangle of the last two axes: columns from or up to the row's number and `k`. */
const triangle: Reader = (node) => {
  const x = node.input(0);
  const k = node.number(1) ?? 0;
  const isUpper = node.flag("upper", true);
  const [rows = 0, columns = 0] = x.shape.slice(-2);
  const row = add(reshape(range(0, rows, 1, "int64"), [rows, 1]), scalar(k, "int64"));
  const column = range(0, columns, 1, "int64");
  const isOutside = isUpper ? less(column, row) : greater(column, row);
  return where(isOutside, scalar(0, x.dtype), x);
};

/** Turns blocks of channels into blocks of positions: axes [block, block, channel] or [channel, block, block]. */
const depthToSpace: Reader = (node) => {
  const x = node.input(0);
  const block = node.int("blocksize", 0);
  const mode = orderOfBlocks(node);
  const [images, channels, rows, columns] = images4d(node, x.shape);
  const left = channels / block ** 2;
  const [shape, order] =
    mode === "DCR"
      ? [
          [images, block, block, left, rows, columns],
          [0, 3, 4, 1, 5, 2],
        ]
      : [
          [images, left, block, block, rows, columns],
          [0, 1, 4, 2, 5, 3],
        ];
  return reshape(transpose(reshape(x, shape), order), [images, left, rows * block, columns * block]);
};

function orderOfBlocks(node: OnnxNode): "DCR" | "CRD" {
  const mode = node.string("mode", "DCR");
  return mode === "DCR" || mode === "CRD" ? mode : node.fail(`mode ${mode} is not known`);
}

const spaceToDepth: Reader = (node) => {
  const x = node.input(0);
  const block = node.int("blocksize", 0);
  const order = orderOfBlocks(node) === "DCR" ? [0, 3, 5, 1, 2, 4] : [0, 1, 3, 5, 2, 4];
  const [images, channels, rows, columns] = images4d(node, x.shape);
  const [down, across] = [rows / block, columns / block];
  const apart = reshape(x, [images, channels, down, block, across, block]);
  return reshape(transpose(apart, order), [images, channels * block ** 2, down, across]);
};

function images4d(node: OnnxNode, shape: Shape): readonly [number, number, number, number] {
  const [images, channels, rows, columns] = shape;
  if (shape.length !== 4 || images === undefined || channels === undefined) {
    return node.fail(`takes [N, C, H, W], got [${shape}]`);
  }
  return [images, channels, rows as number, columns as number];
}

export const SHAPES: Readers = {
  Reshape: readReshape,
  Expand: readExpand,
  Squeeze: squeezed,
  Unsqueeze: unsqueezed,
  Tile: tile,
  Trilu: triangle,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Flatten: (node) => {
    const x = node.input(0);
    const axis = node.int("axis", 1);
    return flatten(x, axis < 0 ? axis + x.shape.length : axis);
  },
  Transpose: (node) => transpose(node.input(0), node.ints("perm")),
};
