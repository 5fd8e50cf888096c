import {
  abs,
  add,
  applyAll,
  averagePool,
  batchNormalization,
  batchNormalizationInTraining,
  cast,
  clip,
  concat,
  constant,
  indices as constantIndices,
  conv,
  convTranspose,
  type DType,
  div,
  equal,
  erf,
  exp,
  expand,
  flatten,
  gather,
  gatherElements,
  gelu,
  gemm,
  globalAveragePool,
  greater,
  identity,
  isFloat,
  layerNormalization,
  leakyRelu,
  less,
  log,
  logSoftmax,
  matMul,
  max,
  min,
  mul,
  neg,
  negativeLogLikelihoodLoss,
  oneHot,
  pad,
  pow,
  type ReduceOptions,
  reduceLogSumExp,
  reduceMax,
  reduceMean,
  reduceSum,
  relu,
  reshape,
  type Shape,
  scalar,
  scatterElements,
  sigmoid,
  sizeOf,
  slice,
  softmax,
  softmaxCrossEntropyLoss,
  split,
  sqrt,
  squeeze,
  sub,
  tanh,
  tensor,
  transpose,
  unsqueeze,
  type Value,
  where,
} from "@softmax-bench/graph";
import type { OnnxNode } from "./node.js";
import { dtypeOf } from "./tensors.js";
import { ceiled, windowFrom } from "./windows.js";

/** How a node of one ONNX operator is read: its outputs, in order; those at the end may be missing. */
type Reader = (node: OnnxNode) => Value | readonly (Value | undefined)[];

const unary =
  (make: (x: Value) => Value): Reader =>
  (node) =>
    make(node.input(0));
const binary =
  (make: (a: Value, b: Value) => Value): Reader =>
  (node) =>
    make(node.input(0), node.input(1));
/** Operators that take any number of operands. */
const variadic =
  (make: (a: Value, b: Value) => Value): Reader =>
  (node) =>
    Array.from({ length: node.inputCount }, (_, position) => node.input(position)).reduce(make);

/** An axis counted from the end if it is negative. */
function axisFrom(node: OnnxNode, axis: number, rank: number): number {
  const counted = axis < 0 ? axis + rank : axis;
  if (counted < 0 || counted >= rank) node.fail(`axis ${axis} is outside a shape of rank ${rank}`);
  return counted;
}

/** Axes are an attribute up to an operator set, and an input after it. */
const axesFrom = (node: OnnxNode, position: number): number[] | undefined =>
  node.ints("axes") ?? node.numbers(position);

const reduction =
  (make: (x: Value, options: ReduceOptions) => Value): Reader =>
  (node) => {
    const x = node.input(0);
    const given = axesFrom(node, 1);
    const keepdims = node.flag("keepdims", true);
    const nothing = node.flag("noop_with_empty_axes") && !given?.length;
    if (nothing) return identity(x);
    const axes = given?.length
      ? given.map((axis) => axisFrom(node, axis, x.shape.length))
      : [...x.shape.keys()];
    return make(x, { axes: axes.sort((a, b) => a - b), keepdims });
  };

const normalization =
  (make: (x: Value, axis: number) => Value): Reader =>
  (node) => {
    const x = node.input(0);
    return make(x, axisFrom(node, node.int("axis", -1), x.shape.length));
  };

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

/** Scores `[N, C, d…]` and labels `[N, d…]` as rows: `[N d…, C]` and `[N d…]`. */
function asRows(node: OnnxNode) {
  const [scores, labels] = [node.input(0), node.input(1)];
  const [images = 0, classes = 0, ...inner] = scores.shape;
  const order = [0, ...inner.map((_, axis) => axis + 2), 1];
  const weights = node.optional(2);
  const ignoreIndex = node.hasAttribute("ignore_index") ? node.int("ignore_index", 0) : undefined;
  const reduction = node.string("reduction", "mean") as "mean" | "sum" | "none";
  const count = images * sizeOf(inner);
  return {
    scores: inner.length === 0 ? scores : reshape(transpose(scores, order), [count, classes]),
    labels: inner.length === 0 ? labels : reshape(labels, [count]),
    options: { weights, ignoreIndex, reduction },
    /** The loss of each row, back at its place. */
    loss: (loss: Value) => (reduction === "none" ? reshape(loss, labels.shape) : loss),
    probabilities: (logProb: Value) => {
      if (inner.length === 0) return logProb;
      const back = [0, inner.length + 1, ...inner.map((_, axis) => axis + 1)];
      return transpose(reshape(logProb, [images, ...inner, classes]), back);
    },
  };
}

const conv1d2d: Reader = (node) => {
  const [x, filter, bias] = [node.input(0), node.input(1), node.optional(2)];
  const kernel = filter.shape.slice(2);
  checkKernel(node, kernel);
  return conv(x, filter, bias, { ...windowFrom(node, x, kernel), group: node.int("group", 1) });
};

function checkKernel(node: OnnxNode, kernel: Shape): void {
  const given = node.ints("kernel_shape");
  if (given && String(given) !== String(kernel))
    node.fail(`kernel_shape [${given}] is not that of a filter [${kernel}]`);
}

const transposedConv: Reader = (node) => {
  const [x, filter, bias] = [node.input(0), node.input(1), node.optional(2)];
  const kernel = filter.shape.slice(2);
  checkKernel(node, kernel);
  if (node.ints("output_shape")) node.fail("output_shape is not supported; give pads and output_padding");
  if (node.string("auto_pad", "NOTSET") !== "NOTSET") node.fail("auto_pad is not supported; give pads");
  const outputPadding = node.ints("output_padding") ?? kernel.map(() => 0);
  const window = windowFrom(node, x, kernel);
  return convTranspose(x, filter, bias, { ...window, group: node.int("group", 1), outputPadding });
};

const maxPool: Reader = (node) => {
  const x = node.input(0);
  const kernel = node.ints("kernel_shape") ?? node.fail("lacks kernel_shape");
  if (node.int("storage_order", 0) !== 0) node.fail("storage_order 1 is not supported");
  const window = windowFrom(node, x, kernel);
  const { strides, dilations, pads } = node.flag("ceil_mode") ? ceiled(window, x, kernel) : window;
  return applyAll("MaxPool", [x], { kernel_shape: kernel, strides, dilations, pads });
};

const meanPool: Reader = (node) => {
  const x = node.input(0);
  const kernel = node.ints("kernel_shape") ?? node.fail("lacks kernel_shape");
  const countIncludePad = node.flag("count_include_pad");
  const window = windowFrom(node, x, kernel);
  if (window.dilations.some((dilation) => dilation !== 1)) node.fail("dilations are not supported");
  const { strides, dilations, pads } = node.flag("ceil_mode") ? ceiled(window, x, kernel) : window;
  if (countIncludePad && String(pads) !== String(window.pads)) {
    node.fail("ceil_mode with count_include_pad is not supported where it adds a window");
  }
  return averagePool(x, kernel, { strides, dilations, pads, countIncludePad });
};

const batchNorm: Reader = (node) => {
  const [x, scale, offset] = [node.input(0), node.input(1), node.input(2)];
  const statistics = { scale, offset, mean: node.frozen(3), variance: node.frozen(4) };
  const [epsilon, momentum] = [node.float("epsilon", 1e-5), node.float("momentum", 0.9)];
  if (!node.flag("training_mode")) return batchNormalization(x, statistics, epsilon);
  const { y, mean, variance } = batchNormalizationInTraining(x, statistics, { epsilon, momentum });
  return [y, mean, variance];
};

const layerNorm: Reader = (node) => {
  const x = node.input(0);
  const axis = axisFrom(node, node.int("axis", -1), x.shape.length);
  const shape = x.shape.slice(axis);
  if (node.wants(1) || node.wants(2)) node.fail("its outputs Mean and InvStdDev are not supported");
  if (node.int("stash_type", 1) !== 1) node.fail("stash_type must be 1");
  const offset = node.optional(2);
  const epsilon = node.float("epsilon", 1e-5);
  return layerNormalization(x, expand(node.input(1), shape), offset && expand(offset, shape), {
    axis,
    epsilon,
  });
};

/** x Φ(x), or its approximation 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))). */
const readGelu: Reader = (node) => {
  const x = node.input(0);
  const approximation = node.string("approximate", "none");
  if (approximation === "none") return gelu(x);
  if (approximation !== "tanh") node.fail(`approximate ${approximation} is not known`);
  const number = (value: number) => scalar(value, x.dtype);
  const cubic = add(x, mul(number(0.044715), mul(x, mul(x, x))));
  return mul(mul(number(0.5), x), add(number(1), tanh(mul(number(Math.sqrt(2 / Math.PI)), cubic))));
};

const readClip: Reader = (node) => {
  const limit = (position: number, otherwise: number) => node.numbers(position)?.[0] ?? otherwise;
  return clip(node.input(0), limit(1, Number.NEGATIVE_INFINITY), limit(2, Number.POSITIVE_INFINITY));
};

/** Vectors count as a row on the left and a column on the right, as in NumPy. */
const product: Reader = (node) => {
  const [a, b] = [node.input(0), node.input(1)];
  const left = a.shape.length === 1 ? reshape(a, [1, ...a.shape]) : a;
  const right = b.shape.length === 1 ? reshape(b, [...b.shape, 1]) : b;
  const y = matMul(left, right);
  const kept = y.shape.slice(0, -2);
  const rows = a.shape.length === 1 ? [] : y.shape.slice(-2, -1);
  return reshape(y, [...kept, ...rows, ...(b.shape.length === 1 ? [] : y.shape.slice(-1))]);
};

const matrixProduct: Reader = (node) =>
  gemm(node.input(0), node.input(1), node.optional(2), {
    ...{ alpha: node.float("alpha", 1), beta: node.float("beta", 1) },
    ...{ transA: node.flag("transA"), transB: node.flag("transB") },
  });

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

const readSplit: Reader = (node) => {
  const x = node.input(0);
  const axis = axisFrom(node, node.int("axis", 0), x.shape.length);
  const size = x.shape[axis] as number;
  const pieces = node.int("num_outputs", node.outputs.length);
  const each = Math.ceil(size / pieces);
  const equal = Array.from({ length: pieces }, (_, at) => Math.min(each, size - at * each));
  return split(x, node.numbers(1) ?? equal, axis);
};

const readSlice: Reader = (node) => {
  const x = node.input(0);
  const [starts, ends] = [node.numbers(1) ?? [], node.numbers(2) ?? []];
  const axes = node.numbers(3) ?? [...starts.keys()];
  const steps = node.numbers(4) ?? starts.map(() => 1);
  return axes.reduce((value, given, at) => {
    const axis = axisFrom(node, given, x.shape.length);
    return sliced(value, axis, starts[at] as number, ends[at] as number, steps[at] as number);
  }, x);
};

/** NumPy's x[start:end:step] along one axis. */
function sliced(x: Value, axis: number, start: number, end: number, step: number): Value {
  const size = x.shape[axis] as number;
  const [lowest, highest] = step > 0 ? [0, size] : [-1, size - 1];
  const within = (at: number) => Math.min(Math.max(at < 0 ? at + size : at, lowest), highest);
  const [from, to] = [within(start), end < -size ? lowest : within(end)];
  if (step > 0) return slice(x, axis, from, Math.max(from, to), step);
  const count = Math.max(Math.ceil((to - from) / step), 0);
  const positions = Array.from({ length: count }, (_, at) => from + at * step);
  return gather(x, constantIndices([count], positions), axis);
}

const readPad: Reader = (node) => {
  const x = node.input(0);
  const mode = node.string("mode", "constant");
  if (mode !== "constant") node.fail(`mode ${mode} is not supported, only constant is`);
  const given = node.numbers(1) ?? [];
  const value = node.numbers(2)?.[0] ?? 0;
  const axes = (node.numbers(3) ?? [...x.shape.keys()]).map((axis) => axisFrom(node, axis, x.shape.length));
  const counts = x.shape.flatMap(() => [0, 0]);
  for (const [at, axis] of axes.entries()) {
    counts[axis] = given[at] as number;
    counts[axis + x.shape.length] = given[at + axes.length] as number;
  }
  return pad(x, counts, value);
};

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

const readConstant: Reader = (node) => {
  const value = node.tensor("value");
  if (value) return constant(value);
  if (node.hasAttribute("value_float")) return scalar(node.float("value_float", 0), "float32");
  if (node.hasAttribute("value_int")) return scalar(node.int("value_int", 0), "int64");
  const floats = node.floats("value_floats");
  if (floats) return constant(tensor("float32", [floats.length], floats));
  const ints = node.ints("value_ints");
  return ints ? constantIndices([ints.length], ints) : node.fail("has no value that is supported");
};

/** Shapes are known when a model is read. */
const shapeOf: Reader = (node) => {
  const { shape } = node.input(0);
  const counted = (at: number) => (at < 0 ? at + shape.length : at);
  const part = shape.slice(counted(node.int("start", 0)), counted(node.int("end", shape.length)));
  return constantIndices([part.length], part);
};

const filled: Reader = (node) => {
  const shape = node.numbers(0) ?? [];
  const value = node.tensor("value") ?? tensor("float32", [1], [0]);
  return expand(reshape(constant(value), []), shape);
};

/** Without training, it does nothing. */
const dropout: Reader = (node) => {
  const [x] = [node.input(0), node.optional(1)];
  node.int("seed", 0);
  if ((node.numbers(2)?.[0] ?? 0) !== 0) node.fail("training_mode is not supported: its choice is random");
  if (node.wants(1)) node.fail("its output mask is not supported");
  return identity(x);
};

const readCast: Reader = (node) => {
  node.int("saturate", 1);
  return cast(node.input(0), dtypeOf(node.int("to", 0), "the result") satisfies DType);
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

/** The operators that models may have. */
export const READERS: Readonly<Record<string, Reader>> = {
  ...{ Exp: unary(exp), Log: unary(log), Neg: unary(neg), Sqrt: unary(sqrt), Abs: unary(abs) },
  ...{
    Identity: unary(identity),
    Relu: unary(relu),
    Sigmoid: unary(sigmoid),
    Tanh: unary(tanh),
    Erf: unary(erf),
  },
  LeakyRelu: (node) => leakyRelu(node.input(0), node.float("alpha", 0.01)),
  ...{ Gelu: readGelu, Clip: readClip, Dropout: dropout },
  ...{ Add: binary(add), Sub: binary(sub), Mul: binary(mul), Div: binary(div) },
  Pow: (node) => pow(node.input(0), cast(node.input(1), node.input(0).dtype)),
  ...{ Max: variadic(max), Min: variadic(min), Sum: variadic(add) },
  ...{ Equal: binary(equal), Greater: binary(greater), Less: binary(less) },
  Where: (node) => where(node.input(0), node.input(1), node.input(2)),
  ...{ MatMul: product, Gemm: matrixProduct, Conv: conv1d2d, ConvTranspose: transposedConv },
  ...{ MaxPool: maxPool, AveragePool: meanPool, GlobalAveragePool: unary(globalAveragePool) },
  ...{ BatchNormalization: batchNorm, LayerNormalization: layerNorm },
  ...{ ReduceSum: reduction(reduceSum), ReduceMean: reduction(reduceMean) },
  ...{ ReduceMax: reduction(reduceMax), ReduceLogSumExp: reduction(reduceLogSumExp) },
  ...{ Softmax: normalization(softmax), LogSoftmax: normalization(logSoftmax) },
  SoftmaxCrossEntropyLoss: (node) => {
    const { scores, labels, options, loss, probabilities } = asRows(node);
    const made = softmaxCrossEntropyLoss(scores, labels, options);
    return [loss(made.loss), probabilities(made.logProb)];
  },
  NegativeLogLikelihoodLoss: (node) => {
    const { scores, labels, options, loss } = asRows(node);
    return loss(negativeLogLikelihoodLoss(scores, labels, options));
  },
  ...{ Gather: readGather, GatherElements: readGatherElements, ScatterElements: readScatterElements },
  ...{ OneHot: readOneHot, Constant: readConstant, ConstantOfShape: filled, Shape: shapeOf },
  ...{ Reshape: readReshape, Expand: readExpand, Squeeze: squeezed, Unsqueeze: unsqueezed },
  Flatten: (node) => {
    const x = node.input(0);
    const axis = node.int("axis", 1);
    return flatten(x, axis < 0 ? axis + x.shape.length : axis);
  },
  Transpose: (node) => transpose(node.input(0), node.ints("perm")),
  Cast: readCast,
  Concat: (node) => {
    const parts = Array.from({ length: node.inputCount }, (_, position) => node.input(position));
    return concat(parts, axisFrom(node, node.int("axis", 0), parts[0]?.shape.length ?? 0));
  },
  ...{ Split: readSplit, Slice: readSlice, Pad: readPad },
};
