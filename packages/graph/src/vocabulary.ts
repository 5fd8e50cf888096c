import { broadcastAxes } from "./broadcast.js";
import { constant, type Value } from "./graph.js";
import { apply, applyAll } from "./op.js";
import { type DType, type Shape, sameShape, tensor } from "./tensor.js";

/** The words in which formulas and gradients are written: one constructor per operator, plus a few phrases. */

export const exp = (x: Value): Value => apply("Exp", [x]);
export const log = (x: Value): Value => apply("Log", [x]);
export const neg = (x: Value): Value => apply("Neg", [x]);
export const sqrt = (x: Value): Value => apply("Sqrt", [x]);
export const abs = (x: Value): Value => apply("Abs", [x]);
export const identity = (x: Value): Value => apply("Identity", [x]);

export const relu = (x: Value): Value => apply("Relu", [x]);
/** A number as ONNX stores it in an attribute, in float32 whatever the tensors are; it counts as such everywhere. */
const stored = Math.fround;

/** x where x > 0, alpha x elsewhere. */
export const leakyRelu = (x: Value, alpha = 0.01): Value => apply("LeakyRelu", [x], { alpha: stored(alpha) });
export const sigmoid = (x: Value): Value => apply("Sigmoid", [x]);
export const tanh = (x: Value): Value => apply("Tanh", [x]);
export const erf = (x: Value): Value => apply("Erf", [x]);
/** x Φ(x) = x (1 + erf(x/√2)) / 2: ONNX `Gelu` without approximation, in operators that every runtime has. */
export const gelu = (x: Value): Value =>
  mul(mul(x, scalar(0.5, x.dtype)), add(scalar(1, x.dtype), erf(mul(x, scalar(Math.SQRT1_2, x.dtype)))));
/** Not below `low` and not above `high`. */
export const clip = (x: Value, low: number, high: number): Value => apply("Clip", [x], { low, high });

export const add = (a: Value, b: Value): Value => apply("Add", [a, b]);
export const sub = (a: Value, b: Value): Value => apply("Sub", [a, b]);
export const mul = (a: Value, b: Value): Value => apply("Mul", [a, b]);
export const div = (a: Value, b: Value): Value => apply("Div", [a, b]);
/** a to the power of b; for a below 0, b must be whole. */
export const pow = (a: Value, b: Value): Value => apply("Pow", [a, b]);
/** The larger of each pair of elements. */
export const max = (a: Value, b: Value): Value => apply("Max", [a, b]);
/** The smaller of each pair of elements. */
export const min = (a: Value, b: Value): Value => apply("Min", [a, b]);

export const equal = (a: Value, b: Value): Value => apply("Equal", [a, b]);
export const greater = (a: Value, b: Value): Value => apply("Greater", [a, b]);
export const less = (a: Value, b: Value): Value => apply("Less", [a, b]);
/** Elements of `a` where the condition (bool) holds, of `b` elsewhere. */
export const where = (condition: Value, a: Value, b: Value): Value => apply("Where", [condition, a, b]);

/** Matrix products of the last two axes, the others broadcast; NumPy's `matmul`, for operands of rank 2 or more. */
export const matMul = (a: Value, b: Value): Value => apply("MatMul", [a, b]);

export interface GemmOptions {
  readonly alpha?: number;
  readonly beta?: number;
  readonly transA?: boolean;
  readonly transB?: boolean;
}
/** alpha A B + beta C, where A and B are matrices, transposed if asked for, and C broadcasts to their product. */
export const gemm = (
  a: Value,
  b: Value,
  c: Value | undefined,
  { alpha = 1, beta = 1, transA = false, transB = false }: GemmOptions = {},
): Value =>
  apply("Gemm", [a, b, ...(c ? [c] : [])], {
    ...{ alpha: stored(alpha), beta: stored(beta) },
    ...{ transA: Number(transA), transB: Number(transB) },
  });

/** How a window moves over the spatial axes; one number per axis, of which there are 1 or 2. */
export interface WindowOptions {
  /** Default: 1. */
  readonly strides?: readonly number[] | undefined;
  /** Elements before each axis, then those after each. Default: 0. */
  readonly pads?: readonly number[] | undefined;
  /** Default: 1. */
  readonly dilations?: readonly number[] | undefined;
}
const windowAttributes = ({ shape }: Value, { strides, pads, dilations }: WindowOptions) => {
  const each = (value: number, times = 1) =>
    new Array<number>(times * Math.max(shape.length - 2, 0)).fill(value);
  return { strides: strides ?? each(1), pads: pads ?? each(0, 2), dilations: dilations ?? each(1) };
};

export interface ConvOptions extends WindowOptions {
  /** Into how many groups of channels operand and filter are divided. Default: 1. */
  readonly group?: number;
}
/** Cross-correlation: x `[N, C, …]`, filter `[M, C/group, …]`, bias `[M]` → `[N, M, …]`. */
export const conv = (
  x: Value,
  filter: Value,
  bias?: Value,
  { group = 1, ...window }: ConvOptions = {},
): Value => apply("Conv", [x, filter, ...(bias ? [bias] : [])], { ...windowAttributes(x, window), group });

export interface ConvTransposeOptions extends ConvOptions {
  /** Elements added after each axis of the result. Default: 0. */
  readonly outputPadding?: readonly number[];
}
/** The adjoint of `conv`: x `[N, C, …]`, filter `[C, M/group, …]`, bias `[M]` → `[N, M, …]`. */
export const convTranspose = (
  x: Value,
  filter: Value,
  bias?: Value,
  { group = 1, outputPadding, ...window }: ConvTransposeOptions = {},
): Value =>
  apply("ConvTranspose", [x, filter, ...(bias ? [bias] : [])], {
    ...windowAttributes(x, window),
    group,
    output_padding: outputPadding ?? new Array<number>(Math.max(x.shape.length - 2, 0)).fill(0),
  });

/** The largest element of each window of so many elements along each spatial axis of `[N, C, …]`. */
export const maxPool = (x: Value, kernel: readonly number[], window: WindowOptions = {}): Value =>
  apply("MaxPool", [x], { kernel_shape: kernel, ...windowAttributes(x, window) });

export interface AveragePoolOptions extends WindowOptions {
  /** Whether pads count as elements. Default: false. */
  readonly countIncludePad?: boolean;
}
/** The mean of each window. */
export const averagePool = (
  x: Value,
  kernel: readonly number[],
  { countIncludePad = false, ...window }: AveragePoolOptions = {},
): Value =>
  apply("AveragePool", [x], {
    kernel_shape: kernel,
    ...windowAttributes(x, window),
    count_include_pad: Number(countIncludePad),
  });
/** The mean over all spatial axes of `[N, C, …]`, which are kept with size 1. */
export const globalAveragePool = (x: Value): Value => apply("GlobalAveragePool", [x]);

/** A scale and an offset per channel, and the running mean and variance: all `[C]`. */
export interface BatchStatistics {
  readonly scale: Value;
  readonly offset: Value;
  readonly mean: Value;
  readonly variance: Value;
}
/** x `[N, C, …]` normalised by the running statistics of each channel. */
export const batchNormalization = (
  x: Value,
  { scale, offset, mean, variance }: BatchStatistics,
  epsilon = 1e-5,
): Value =>
  apply("BatchNormalization", [x, scale, offset, mean, variance], {
    ...{ epsilon: stored(epsilon), momentum: stored(0.9), training_mode: 0 },
  });
/** x normalised by the statistics of the batch itself, and the running ones, `momentum` of which stay. */
export function batchNormalizationInTraining(
  x: Value,
  { scale, offset, mean, variance }: BatchStatistics,
  { epsilon = 1e-5, momentum = 0.9 } = {},
): { y: Value; mean: Value; variance: Value } {
  const outputs = applyAll("BatchNormalization", [x, scale, offset, mean, variance], {
    ...{ epsilon: stored(epsilon), momentum: stored(momentum), training_mode: 1 },
  });
  const [y, movedMean, movedVariance] = outputs as readonly [Value, Value, Value];
  return { y, mean: movedMean, variance: movedVariance };
}
/** Each slice of x from an axis on normalised by its own mean and variance; scale and offset have its shape. */
export const layerNormalization = (
  x: Value,
  scale: Value,
  offset: Value | undefined,
  { axis = x.shape.length - 1, epsilon = 1e-5 } = {},
): Value =>
  apply("LayerNormalization", [x, scale, ...(offset ? [offset] : [])], { axis, epsilon: stored(epsilon) });

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

/** log Σ exp(x), by the maximum where that is needed. */
export const reduceLogSumExp = (x: Value, options: ReduceOptions = {}): Value =>
  reduce("ReduceLogSumExp", x, options);

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

/**
 * ONNX `NegativeLogLikelihoodLoss`: log-probabilities `[N, C]`, labels `[N]` → the loss (a scalar, or `[N]` for reduction
 * "none").
 */
export const negativeLogLikelihoodLoss = (
  logProb: Value,
  labels: Value,
  {
    reduction = "mean",
    weights,
    ignoreIndex,
  }: LabelOptions & { readonly reduction?: "mean" | "sum" | "none" } = {},
): Value =>
  apply("NegativeLogLikelihoodLoss", [logProb, labels, ...(weights ? [weights] : [])], {
    reduction,
    ...(ignoreIndex === undefined ? {} : { ignore_index: ignoreIndex }),
  });

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
/** Without those axes, each of size 1. */
export const squeeze = (x: Value, axes: readonly number[]): Value => apply("Squeeze", [x], { axes });
/** With axes of size 1 at those places of the result, ascending. */
export const unsqueeze = (x: Value, axes: readonly number[]): Value => apply("Unsqueeze", [x], { axes });
/** A matrix: the axes before `axis` as rows, the others as columns. */
export const flatten = (x: Value, axis = 1): Value => apply("Flatten", [x], { axis });

/** One after the other along an axis; all other sizes are equal. */
export const concat = (xs: readonly Value[], axis: number): Value => apply("Concat", xs, { axis });
/** Pieces of the given sizes along an axis. */
export const split = (x: Value, sizes: readonly number[], axis: number): readonly Value[] =>
  applyAll("Split", [x], { sizes, axis });
/** Elements `start`, `start + step`, … before `end` along one axis: 0 ≤ start ≤ end ≤ size, step > 0. */
export const slice = (x: Value, axis: number, start: number, end: number, step = 1): Value =>
  apply("Slice", [x], { axis, start, end, step });
/** So many elements of a constant before and after each axis, `[before_0, …, after_0, …]` as in ONNX. */
export const pad = (x: Value, pads: readonly number[], value = 0): Value =>
  apply("Pad", [x], { pads, value });
/** Whole slices of x along an axis, one per index, in the place of that axis. */
export const gather = (x: Value, indices: Value, axis: number): Value =>
  apply("Gather", [x, indices], { axis });

/** The value itself, through which no gradient flows. */
export const stopGradient = (x: Value): Value => apply("StopGradient", [x]);

/** Constant int64 positions. */
export const indices = (shape: Shape, values: Iterable<number>): Value =>
  constant(tensor("int64", shape, values));

/** A scalar constant. */
export const scalar = (value: number, dtype: DType): Value => constant(tensor(dtype, [], [value]));

/** Sums a value over the axes along which `shape` was broadcast to it: the adjoint of broadcasting. */
export function sumTo(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  return reshape(reduceSum(x, { axes: broadcastAxes(shape, x.shape), keepdims: true }), shape);
}
