import {
  abs,
  add,
  batchNormalization,
  batchNormalizationInTraining,
  div,
  equal,
  expand,
  layerNormalization,
  logSoftmax,
  mul,
  pad,
  pow,
  reduceMean,
  reduceSum,
  reshape,
  scalar,
  sizeOf,
  slice,
  softmax,
  sqrt,
  sub,
  type Value,
  where,
} from "@softmax-bench/graph";
import { axisFrom, type Reader, type Readers } from "./reader.js";
import { norm } from "./reductions.js";

const normalization =
  (make: (x: Value, axis: number) => Value): Reader =>
  (node) => {
    const x = node.input(0);
    return make(x, axisFrom(node, node.int("axis", -1), x.shape.length));
  };

const batchNorm: Reader = (node) => {
  const [x, scale, offset] = [node.input(0), node.input(1), node.input(2)];
  const statistics = { scale, offset, mean: node.statistic(3), variance: node.statistic(4) };
  const [epsilon, momentum] = [node.float("epsilon", 1e-5), node.float("momentum", 0.9)];
  if (!node.flag("training_mode")) return batchNormalization(x, statistics, epsilon);
  const inTraining = (running: typeof statistics) =>
    batchNormalizationInTraining(x, running, { epsilon, momentum });
  const { y, mean, variance } = inTraining(statistics);
  node.move(3, (current) => inTraining({ ...statistics, mean: current }).mean);
  node.move(4, (current) => inTraining({ ...statistics, variance: current }).variance);
  return [y, mean, variance];
};

const layerNorm: Reader = (node) => {
  const x = node.input(0);
  const axis = axisFrom(node, node.int("axis", -1), x.shape.length);
  const shape = x.shape.slice(axis);
  if (node.int("stash_type", 1) !== 1) node.fail("stash_type must be 1");
  const offset = node.optional(2);
  const epsilon = node.float("epsilon", 1e-5);
  const y = layerNormalization(x, expand(node.input(1), shape), offset && expand(offset, shape), {
    axis,
    epsilon,
  });
  return [y, ...statistics(x, axis, epsilon)];
};

/** The mean and the inverse of the standard deviation of each slice. */
function statistics(x: Value, axis: number, epsilon: number): Value[] {
  const over = { axes: [...x.shape.keys()].slice(axis), keepdims: true };
  const mean = reduceMean(x, over);
  const centred = sub(x, mean);
  const variance = add(reduceMean(mul(centred, centred), over), scalar(epsilon, x.dtype));
  return [mean, div(scalar(1, x.dtype), sqrt(variance))];
}

const number = (value: number, { dtype }: Value): Value => scalar(value, dtype);
const from = (x: Value, axis: number) => [...x.shape.keys()].slice(axis);

/** Normalises to mean 0 and variance 1 over some axes. */
function standardized(x: Value, axes: readonly number[], epsilon: number): Value {
  const centred = sub(x, reduceMean(x, { axes, keepdims: true }));
  const variance = reduceMean(mul(centred, centred), { axes, keepdims: true });
  return div(centred, sqrt(add(variance, number(epsilon, x))));
}

/** Reshapes `[C]` for multiplication with `[N, C, …]`. */
const perChannel = (value: Value, { shape }: Value): Value =>
  reshape(value, [1, sizeOf(value.shape), ...shape.slice(2).map(() => 1)]);

const instanceNorm: Reader = (node) => {
  const [x, scale, offset] = [node.input(0), node.input(1), node.input(2)];
  const y = standardized(x, from(x, 2), node.float("epsilon", 1e-5));
  return add(mul(y, perChannel(scale, x)), perChannel(offset, x));
};

const groupNorm: Reader = (node) => {
  const [x, scale, offset] = [node.input(0), node.input(1), node.input(2)];
  const groups = node.int("num_groups", 0);
  const [images = 0, channels = 0, ...inner] = x.shape;
  if (!(groups >= 1) || channels % groups !== 0)
    node.fail(`${channels} channels do not make ${groups} groups`);
  if (node.int("stash_type", 1) !== 1) node.fail("stash_type must be 1");
  const grouped = reshape(x, [images, groups, channels / groups, ...inner]);
  const y = standardized(grouped, from(grouped, 2), node.float("epsilon", 1e-5));
  return add(mul(reshape(y, x.shape), perChannel(scale, x)), perChannel(offset, x));
};

const rmsNorm: Reader = (node) => {
  const x = node.input(0);
  const axes = from(x, axisFrom(node, node.int("axis", -1), x.shape.length));
  if (node.int("stash_type", 1) !== 1) node.fail("stash_type must be 1");
  const squares = reduceMean(mul(x, x), { axes, keepdims: true });
  return mul(div(x, sqrt(add(squares, number(node.float("epsilon", 1e-5), x)))), node.input(1));
};

/** x divided by its norm along an axis; 0 if the norm is 0. */
const lpNorm: Reader = (node) => {
  const x = node.input(0);
  const p = node.int("p", 2);
  if (p !== 1 && p !== 2) node.fail(`p must be 1 or 2, got ${p}`);
  const over = { axes: [axisFrom(node, node.int("axis", -1), x.shape.length)], keepdims: true };
  const size = p === 1 ? reduceSum(abs(x), over) : norm(x, over);
  const isZero = equal(size, number(0, x));
  return where(isZero, number(0, x), div(x, where(isZero, number(1, x), size)));
};

/** x / (bias + alpha / size · Σ x²)^beta, with the sum over the neighbouring channels. */
const localResponseNorm: Reader = (node) => {
  const x = node.input(0);
  const size = node.int("size", 0);
  const channels = x.shape[1] ?? 0;
  if (!(size >= 1)) node.fail(`size must be 1 or more, got ${size}`);
  const before = Math.floor((size - 1) / 2);
  const pads = x.shape.flatMap(() => [0, 0]);
  pads[1] = before;
  pads[x.shape.length + 1] = size - 1 - before;
  const squares = pad(mul(x, x), pads);
  const neighbours = Array.from({ length: Math.min(size, squares.shape[1] ?? 0) }, (_, at) =>
    slice(squares, 1, at, at + channels),
  );
  const sum = neighbours.reduce(add);
  const base = add(number(node.float("bias", 1), x), mul(number(node.float("alpha", 1e-4) / size, x), sum));
  return div(x, pow(base, number(node.float("beta", 0.75), x)));
};

/** Uses no epsilon under the root, like ONNX's function body. */
const meanVarianceNorm: Reader = (node) => {
  const x = node.input(0);
  const axes = (node.ints("axes") ?? [0, 2, 3]).map((axis) => axisFrom(node, axis, x.shape.length));
  const over = { axes, keepdims: true };
  const centred = sub(x, reduceMean(x, over));
  const deviation = sqrt(sub(reduceMean(mul(x, x), over), square(reduceMean(x, over))));
  return div(centred, add(deviation, number(1e-9, x)));
};

const square = (x: Value): Value => mul(x, x);

export const NORMALIZATIONS: Readers = {
  BatchNormalization: batchNorm,
  LayerNormalization: layerNorm,
  InstanceNormalization: instanceNorm,
  GroupNormalization: groupNorm,
  RMSNormalization: rmsNorm,
  LpNormalization: lpNorm,
  LRN: localResponseNorm,
  MeanVarianceNormalization: meanVarianceNorm,
  Softmax: normalization(softmax),
  LogSoftmax: normalization(logSoftmax),
};
