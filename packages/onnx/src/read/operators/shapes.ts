import {
  expand,
  flatten,
  reshape,
  type Shape,
  sizeOf,
  squeeze,
  transpose,
  unsqueeze,
} from "@softmax-bench/graph";
import { axesFrom, axisFrom, type Reader, type Readers } from "./reader.js";

/** A size of 0 is that of x at its place, and one of −1 is what remains. */
const readReshape: Reader = (node) => {
  const x = node.input(0);
  const allowZero = node.flag("allowzero");
  const given = node.numbers(1) ?? node.fail("lacks a shape");
  const sizes = given.map((size, axis) => (size === 0 && !allowZero ? (x.shape[axis] ?? 0) : size));
  const known = sizeOf(sizes.filter((size) => size !== -1));
  return reshape(
    x,
    sizes.map((size) => (size === -1 ? sizeOf(x.shape) / known : size)),
  );
};

const readExpand: Reader = (node) => {
  const x = node.input(0);
  const shape = node.numbers(1) ?? node.fail("lacks a shape");
  const rank = Math.max(shape.length, x.shape.length);
  const at = (sizes: Shape, axis: number) => sizes[axis - rank + sizes.length] ?? 1;
  // Broadcasting goes both ways: a size of 1 asks for nothing.
  return expand(
    x,
    Array.from({ length: rank }, (_, axis) => (at(shape, axis) === 1 ? at(x.shape, axis) : at(shape, axis))),
  );
};

const squeezed: Reader = (node) => {
  const x = node.input(0);
  const axes = axesFrom(node, 1)?.map((axis) => axisFrom(node, axis, x.shape.length));
  const ones = [...x.shape.keys()].filter((axis) => x.shape[axis] === 1);
  return squeeze(x, axes ?? ones);
};

const unsqueezed: Reader = (node) => {
  const x = node.input(0);
  const axes = axesFrom(node, 1) ?? node.fail("lacks axes");
  return unsqueeze(
    x,
    axes.map((axis) => axisFrom(node, axis, x.shape.length + axes.length)).sort((a, b) => a - b),
  );
};

export const SHAPES: Readers = {
  ...{ Reshape: readReshape, Expand: readExpand, Squeeze: squeezed, Unsqueeze: unsqueezed },
  Flatten: (node) => {
    const x = node.input(0);
    const axis = node.int("axis", 1);
    return flatten(x, axis < 0 ? axis + x.shape.length : axis);
  },
  Transpose: (node) => transpose(node.input(0), node.ints("perm")),
};
