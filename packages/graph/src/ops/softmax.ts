import type { Attributes, Value } from "../graph.js";
import type { OpDefinition } from "../op.js";
import { allocate, FLOATS, read, type Tensor, write } from "../tensor.js";
import { div, exp, log, mul, type ReduceOptions, reduceMax, reduceSum, sub } from "../vocabulary/index.js";
import { expectInputs, lanesAlong, numberAttribute, readAxis } from "./support.js";

/** Writes one lane, given the lane's maximum and the sum of its shifted exponentials. */
type Finish = (x: number, maximum: number, sum: number) => number;

function normalization(
  name: string,
  finish: Finish,
  adjoint: (upstream: Value, y: Value, along: ReduceOptions) => Value,
): OpDefinition {
  return {
    name,
    dtypes: FLOATS,
    infer: (inputs, attributes) => {
      const [x] = expectInputs(inputs, 1);
      readAxis(attributes, x.shape);
      return [x];
    },
    evaluate: ([x], attributes) => (x ? [alongAxis(x, numberAttribute(attributes, "axis"), finish)] : []),
    gradient: ({ outputs: [y], attributes, upstream: [upstream] }) => {
      if (!y || !upstream) return [];
      return [adjoint(upstream, y, { axes: [numberAttribute(attributes, "axis")], keepdims: true })];
    },
  };
}

function alongAxis(x: Tensor, axis: number, finish: Finish): Tensor {
  const lanes = lanesAlong(axis, x.shape);
  const data = allocate(x);
  for (let lane = 0; lane < lanes.count; lane++) {
    let maximum = Number.NEGATIVE_INFINITY;
    for (let position = 0; position < lanes.length; position++) {
      maximum = Math.max(maximum, read(x.data, lanes.index(lane, position)));
    }
    let sum = 0;
    for (let position = 0; position < lanes.length; position++) {
      sum += Math.exp(read(x.data, lanes.index(lane, position)) - maximum);
    }
    for (let position = 0; position < lanes.length; position++) {
      const index = lanes.index(lane, position);
      write(data, index, finish(read(x.data, index), maximum, sum));
    }
  }
  return { dtype: x.dtype, shape: x.shape, data };
}

/** x − max along one axis, and Σ exp(x − max). */
function shifted(x: Value, attributes: Attributes): { z: Value; sum: Value } {
  const along = { axes: [numberAttribute(attributes, "axis")], keepdims: true };
  const z = sub(x, reduceMax(x, along));
  return { z, sum: reduceSum(exp(z), along) };
}

/** exp(x − max) / Σ exp(x − max) along one axis. */
export const Softmax: OpDefinition = {
  ...normalization(
    "Softmax",
    (x, maximum, sum) => Math.exp(x - maximum) / sum,
    (upstream, p, along) => mul(p, sub(upstream, reduceSum(mul(upstream, p), along))),
  ),
  body: ([x], attributes) => {
    if (!x) return [];
    const { z, sum } = shifted(x, attributes);
    return [div(exp(z), sum)];
  },
};

/**
 * x − max − log Σ exp(x − max) along one axis. Its gradient computes the probabilities from its own result, as in
 * PyTorch, TensorFlow and TensorFlow.js. Unlike a softmax, exp(log p) has a relative error of |log p| u.
 */
export const LogSoftmax: OpDefinition = {
  ...normalization(
    "LogSoftmax",
    (x, maximum, sum) => x - maximum - Math.log(sum),
    (upstream, logP, along) => sub(upstream, mul(exp(logP), reduceSum(upstream, along))),
  ),
  body: ([x], attributes) => {
    if (!x) return [];
    const { z, sum } = shifted(x, attributes);
    return [sub(z, log(sum))];
  },
};
