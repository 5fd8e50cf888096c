import { broadcastIndices } from "../broadcast.js";
import { type Attributes, GraphError, type Value } from "../graph.js";
import type { OpDefinition } from "../op.js";
import { allocate, read, type Shape, sizeOf, type TensorType, write } from "../tensor.js";
import {
  cast,
  div,
  equal,
  exp,
  expand,
  mul,
  reduceMax,
  reduceSum,
  reshape,
  scalar,
  sub,
} from "../vocabulary/index.js";
import { expectInputs, numberAttribute, numbersAttribute } from "./support.js";

interface Reduction {
  readonly initial: number;
  combine(accumulated: number, element: number): number;
  finish?(accumulated: number, count: number): number;
}

/** Shape with the reduced axes kept at size 1. */
const keptShape = (shape: Shape, axes: readonly number[]): Shape =>
  shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));

function inferReduced([x]: readonly [TensorType], attributes: Attributes): TensorType {
  const axes = numbersAttribute(attributes, "axes");
  const outside = axes.find((axis) => !Number.isInteger(axis) || axis < 0 || axis >= x.shape.length);
  if (outside !== undefined) throw new GraphError(`axis ${outside} is outside shape [${x.shape}]`);
  const shape = numberAttribute(attributes, "keepdims")
    ? keptShape(x.shape, axes)
    : x.shape.filter((_, axis) => !axes.includes(axis));
  return { dtype: x.dtype, shape };
}

/**
 * Sums are accumulated in double precision, whatever the dtype. `adjoint` gets the upstream gradient
 * with the reduced axes kept, and the operand.
 */
function reduction(
  name: string,
  { initial, combine, finish = (accumulated) => accumulated }: Reduction,
  adjoint: (upstream: Value, x: Value, axes: readonly number[]) => Value,
): OpDefinition {
  return {
    name,
    infer: (inputs, attributes) => [inferReduced(expectInputs(inputs, 1), attributes)],
    evaluate: ([x], attributes, [type]) => {
      if (!x || !type) return [];
      const targets = broadcastIndices(keptShape(x.shape, numbersAttribute(attributes, "axes")), x.shape);
      const accumulated = new Float64Array(sizeOf(type.shape)).fill(initial);
      for (const [index, target] of targets.entries()) {
        accumulated[target] = combine(accumulated[target] as number, read(x.data, index));
      }
      const data = allocate(type);
      const count = sizeOf(x.shape) / data.length;
      for (const [index, value] of accumulated.entries()) write(data, index, finish(value, count));
      return [{ dtype: type.dtype, shape: type.shape, data }];
    },
    gradient: ({ inputs: [x], attributes, upstream: [upstream] }) => {
      if (!x || !upstream) return [];
      const axes = numbersAttribute(attributes, "axes");
      return [adjoint(reshape(upstream, keptShape(x.shape, axes)), x, axes)];
    },
  };
}

export const ReduceSum = reduction(
  "ReduceSum",
  { initial: 0, combine: (sum, element) => sum + element },
  (upstream, x) => expand(upstream, x.shape),
);

export const ReduceMean = reduction(
  "ReduceMean",
  { initial: 0, combine: (sum, element) => sum + element, finish: (sum, count) => sum / count },
  (upstream, x) => {
    const count = sizeOf(x.shape) / sizeOf(upstream.shape);
    return expand(div(upstream, scalar(count, x.dtype)), x.shape);
  },
);

/**
 * Ties share the gradient equally, as in PyTorch's `amax` and in JAX: the mean of the subgradients, itself a
 * subgradient. (TensorFlow.js instead gives each tied entry the whole.)
 */
export const ReduceMax = reduction(
  "ReduceMax",
  { initial: Number.NEGATIVE_INFINITY, combine: Math.max },
  (upstream, x, axes) => {
    const maximum = reduceMax(x, { axes, keepdims: true });
    const chosen = cast(equal(x, maximum), x.dtype);
    return mul(chosen, div(upstream, reduceSum(chosen, { axes, keepdims: true })));
  },
);

/** log Σ exp(x), computed from the maximum; its gradient is the softmax over the reduced axes. */
export const ReduceLogSumExp: OpDefinition = {
  ...ReduceSum,
  name: "ReduceLogSumExp",
  evaluate: ([x], attributes, [type]) => {
    if (!x || !type) return [];
    const targets = broadcastIndices(keptShape(x.shape, numbersAttribute(attributes, "axes")), x.shape);
    const largest = new Float64Array(sizeOf(type.shape)).fill(Number.NEGATIVE_INFINITY);
    for (const [index, target] of targets.entries()) {
      largest[target] = Math.max(largest[target] as number, read(x.data, index));
    }
    const sums = new Float64Array(largest.length);
    for (const [index, target] of targets.entries()) {
      const maximum = largest[target] as number;
      sums[target] = (sums[target] as number) + Math.exp(read(x.data, index) - maximum);
    }
    const data = allocate(type);
    for (const [index, sum] of sums.entries()) write(data, index, (largest[index] as number) + Math.log(sum));
    return [{ dtype: type.dtype, shape: type.shape, data }];
  },
  gradient: ({ inputs: [x], outputs: [y], attributes, upstream: [upstream] }) => {
    if (!x || !y || !upstream) return [];
    const kept = keptShape(x.shape, numbersAttribute(attributes, "axes"));
    return [mul(reshape(upstream, kept), exp(sub(x, reshape(y, kept))))];
  },
};
