import type { Value } from "../graph.js";
import { apply, applyAll } from "../op.js";
import { type Shape, sameShape } from "../tensor.js";

export const reshape = (x: Value, shape: Shape): Value =>
  sameShape(x.shape, shape) ? x : apply("Reshape", [x], { shape });

export const expand = (x: Value, shape: Shape): Value =>
  sameShape(x.shape, shape) ? x : apply("Expand", [x], { shape });

/** Axis i of the result is axis `perm[i]` of x; the axes in reverse by default. */
export const transpose = (
  x: Value,
  perm: readonly number[] = x.shape.map((_, axis) => axis).reverse(),
): Value => apply("Transpose", [x], { perm });

/** The two last axes exchanged. */
export function transposeMatrices(x: Value): Value {
  const rank = x.shape.length;
  return transpose(x, [...x.shape.keys()].slice(0, -2).concat(rank - 1, rank - 2));
}

/** Removes the given axes, each of size 1. */
export const squeeze = (x: Value, axes: readonly number[]): Value => apply("Squeeze", [x], { axes });

/** Inserts axes of size 1 at the given positions of the result, ascending. */
export const unsqueeze = (x: Value, axes: readonly number[]): Value => apply("Unsqueeze", [x], { axes });

/** A matrix: the axes before `axis` as rows, the others as columns. */
export const flatten = (x: Value, axis = 1): Value => apply("Flatten", [x], { axis });

/** Concatenates values along an axis; all other sizes are equal. */
export const concat = (xs: readonly Value[], axis: number): Value => apply("Concat", xs, { axis });

/** Pieces of the given sizes along an axis. */
export const split = (x: Value, sizes: readonly number[], axis: number): readonly Value[] =>
  applyAll("Split", [x], { sizes, axis });

/** Elements `start`, `start + step`, … before `end` along one axis: 0 ≤ start ≤ end ≤ size, step > 0. */
export const slice = (x: Value, axis: number, start: number, end: number, step = 1): Value =>
  apply("Slice", [x], { axis, start, end, step });

/** Pads with a constant before and after each axis; `pads` is `[before_0, …, after_0, …]` as in ONNX. */
export const pad = (x: Value, pads: readonly number[], value = 0): Value =>
  apply("Pad", [x], { pads, value });
