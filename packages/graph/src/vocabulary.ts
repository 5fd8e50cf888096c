import { broadcastAxes } from "./broadcast.js";
import { constant, type Value } from "./graph.js";
import { apply, applyAll } from "./op.js";
import { type DType, type Shape, sameShape, tensor } from "./tensor.js";

/** The words in which formulas and gradients are written: one constructor per operator, plus a few phrases. */

export const exp = (x: Value): Value => apply("Exp", [x]);
export const log = (x: Value): Value => apply("Log", [x]);
export const neg = (x: Value): Value => apply("Neg", [x]);

export const add = (a: Value, b: Value): Value => apply("Add", [a, b]);
export const sub = (a: Value, b: Value): Value => apply("Sub", [a, b]);
export const mul = (a: Value, b: Value): Value => apply("Mul", [a, b]);
export const div = (a: Value, b: Value): Value => apply("Div", [a, b]);
export const equal = (a: Value, b: Value): Value => apply("Equal", [a, b]);

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

export const softmax = (x: Value, axis: number): Value => apply("Softmax", [x], { axis });
export const logSoftmax = (x: Value, axis: number): Value => apply("LogSoftmax", [x], { axis });

/** Which labels count, and how much. */
export interface LabelOptions {
  /** Class weights `[C]`; 1 for each class by default. */
  readonly weights?: Value | undefined;
  /** Rows with this label count nothing. */
  readonly ignoreIndex?: number | undefined;
}

/**
 * ONNX `SoftmaxCrossEntropyLoss`: scores `[N, C]`, labels `[N]` → the loss (a scalar, or `[N]` for reduction "none") and
 * the log-probabilities `[N, C]`.
 */
export function softmaxCrossEntropyLoss(
  scores: Value,
  labels: Value,
  {
    reduction = "mean",
    weights,
    ignoreIndex,
  }: LabelOptions & { readonly reduction?: "mean" | "sum" | "none" } = {},
): { loss: Value; logProb: Value } {
  const [loss, logProb] = applyAll(
    "SoftmaxCrossEntropyLoss",
    [scores, labels, ...(weights ? [weights] : [])],
    {
      reduction,
      ...(ignoreIndex === undefined ? {} : { ignore_index: ignoreIndex }),
    },
  );
  return { loss, logProb } as { loss: Value; logProb: Value };
}

/** Rows `[N, C]` of zeros with the weight of the row's label at its place, or without it if the label is ignored. */
export function labelWeights(
  labels: Value,
  classes: number,
  dtype: DType,
  { weights, ignoreIndex }: LabelOptions = {},
): Value {
  const rows = oneHot(labels, classes, dtype);
  const weighted = weights ? mul(rows, reshape(weights, [1, classes])) : rows;
  if (ignoreIndex === undefined) return weighted;
  const counts = cast(isNot(labels, ignoreIndex), dtype);
  return mul(weighted, reshape(counts, [...labels.shape, 1]));
}

/** The labels, with class 0 in place of the ignored one: indices that an operator may read with. */
export function readableLabels(labels: Value, ignoreIndex: number | undefined): Value {
  return ignoreIndex === undefined ? labels : mul(labels, cast(isNot(labels, ignoreIndex), labels.dtype));
}

/** 1 where the integers differ from a value, as int32: arithmetic on `bool` is not ONNX. */
const isNot = (x: Value, value: number): Value =>
  sub(scalar(1, "int32"), cast(equal(x, scalar(value, x.dtype)), "int32"));

/** Rows of `depth` zeros with a one at each index; the new axis comes last. */
export const oneHot = (indices: Value, depth: number, dtype: DType): Value =>
  apply("OneHot", [indices], { depth, dtype });

export const gatherElements = (x: Value, indices: Value, axis: number): Value =>
  apply("GatherElements", [x, indices], { axis });
export const scatterElements = (
  x: Value,
  indices: Value,
  updates: Value,
  axis: number,
  reduction: "none" | "add" = "none",
): Value => apply("ScatterElements", [x, indices, updates], { axis, reduction });

export const cast = (x: Value, dtype: DType): Value =>
  x.dtype === dtype ? x : apply("Cast", [x], { to: dtype });
export const reshape = (x: Value, shape: Shape): Value =>
  sameShape(x.shape, shape) ? x : apply("Reshape", [x], { shape });
export const expand = (x: Value, shape: Shape): Value =>
  sameShape(x.shape, shape) ? x : apply("Expand", [x], { shape });

/** The value itself, through which no gradient flows. */
export const stopGradient = (x: Value): Value => apply("StopGradient", [x]);

/** A scalar constant. */
export const scalar = (value: number, dtype: DType): Value => constant(tensor(dtype, [], [value]));

/** Sums a value over the axes along which `shape` was broadcast to it: the adjoint of broadcasting. */
export function sumTo(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  return reshape(reduceSum(x, { axes: broadcastAxes(shape, x.shape), keepdims: true }), shape);
}
