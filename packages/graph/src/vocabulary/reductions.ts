import { broadcastAxes } from "../broadcast.js";
import type { Value } from "../graph.js";
import { apply } from "../op.js";
import { type Shape, sameShape } from "../tensor.js";
import { reshape } from "./shapes.js";

export interface ReduceOptions {
  /** Axes to reduce, non-negative; all by default. */
  readonly axes?: readonly number[];
  /** Keep reduced axes with size 1. Default: false. */
  readonly keepdims?: boolean;
}

const reduce = (op: string, x: Value, { axes, keepdims = false }: ReduceOptions): Value =>
  apply(op, [x], { axes: axes ?? x.shape.map((_, axis) => axis), keepdims: keepdims ? 1 : 0 });

export const reduceSum = (x: Value, options: ReduceOptions = {}): Value => reduce("ReduceSum", x, options);
export const reduceMean = (x: Value, options: ReduceOptions = {}): Value => reduce("ReduceMean", x, options);
export const reduceMax = (x: Value, options: ReduceOptions = {}): Value => reduce("ReduceMax", x, options);
export const reduceMin = (x: Value, options: ReduceOptions = {}): Value => reduce("ReduceMin", x, options);
export const reduceProd = (x: Value, options: ReduceOptions = {}): Value => reduce("ReduceProd", x, options);

/** log Σ exp(x), computed from the maximum if necessary. */
export const reduceLogSumExp = (x: Value, options: ReduceOptions = {}): Value =>
  reduce("ReduceLogSumExp", x, options);

/** Sums a value over the axes along which `shape` was broadcast to it: the adjoint of broadcasting. */
export function sumTo(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  return reshape(reduceSum(x, { axes: broadcastAxes(shape, x.shape), keepdims: true }), shape);
}
