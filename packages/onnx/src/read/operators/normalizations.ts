import {
  add,
  batchNormalization,
  batchNormalizationInTraining,
  div,
  expand,
  layerNormalization,
  logSoftmax,
  mul,
  reduceMean,
  scalar,
  softmax,
  sqrt,
  sub,
  type Value,
} from "@softmax-bench/graph";
import { axisFrom, type Reader, type Readers } from "./reader.js";

const normalization =
  (make: (x: Value, axis: number) => Value): Reader =>
  (node) => {
    const x = node.input(0);
    return make(x, axisFrom(node, node.int("axis", -1), x.shape.length));
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

export const NORMALIZATIONS: Readers = {
  ...{ BatchNormalization: batchNorm, LayerNormalization: layerNorm },
  ...{ Softmax: normalization(softmax), LogSoftmax: normalization(logSoftmax) },
};
