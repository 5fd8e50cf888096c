import { broadcastIndices } from "../broadcast.js";
import { GraphError, UndefinedResult } from "../error.js";
import type { Attributes, Value } from "../graph.js";
import type { OpDefinition } from "../op.js";
import {
  allocate,
  type Element,
  elementAt,
  FLOATS,
  isInteger,
  read,
  type Shape,
  sizeOf,
  type Tensor,
  type TensorData,
  type TensorType,
  write,
} from "../tensor.js";
import {
  cast,
  div,
  equal,
  exp,
  expand,
  mul,
  reduceMax,
  reduceMin,
  reduceProd,
  reduceSum,
  reshape,
  scalar,
  sub,
  where,
} from "../vocabulary/index.js";
import { expectInputs, larger, NUMBERS, numberAttribute, numbersAttribute } from "./support.js";

/** The reduction of floating-point numbers, or of integers. */
interface Accumulator<T extends Element> {
  readonly initial: T;
  combine(accumulated: T, element: T): T;
  finish?(accumulated: T, count: number): T;
}

interface Reduction {
  readonly float: Accumulator<number>;
  readonly integer: Accumulator<bigint>;
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

function reduceAxes<T extends Element>(
  x: Tensor,
  axes: readonly number[],
  type: TensorType,
  elementOf: (data: TensorData, index: number) => T,
  { initial, combine, finish = (accumulated) => accumulated }: Accumulator<T>,
): Tensor {
  const targets = broadcastIndices(keptShape(x.shape, axes), x.shape);
  const data = allocate(type);
  const accumulated = new Array<T>(data.length).fill(initial);
  for (const [index, target] of targets.entries()) {
    accumulated[target] = combine(accumulated[target] as T, elementOf(x.data, index));
  }
  const count = sizeOf(x.shape) / data.length;
  for (const [index, value] of accumulated.entries()) {
    const result = finish(value, count);
    write(data, index, result);
    // ONNX does not define the sum of overflowing integers: NumPy wraps around, ONNX Runtime returns the largest.
    if (typeof result === "bigint" && BigInt(elementAt(data, index)) !== result) {
      throw new UndefinedResult(`${result} is not an ${type.dtype}`);
    }
  }
  return { dtype: type.dtype, shape: type.shape, data };
}

const integerAt = (data: TensorData, index: number): bigint => BigInt(elementAt(data, index));

/**
 * Floating-point sums are accumulated in double precision; sums of integers are exact. `adjoint` receives the upstream
 * gradient with the reduced axes kept, and the operand.
 */
function reduction(
  name: string,
  { float, integer }: Reduction,
  adjoint: (upstream: Value, x: Value, axes: readonly number[]) => Value,
): OpDefinition {
  return {
    name,
    dtypes: NUMBERS,
    infer: (inputs, attributes) => [inferReduced(expectInputs(inputs, 1), attributes)],
    evaluate: ([x], attributes, [type]) => {
      if (!x || !type) return [];
      const axes = numbersAttribute(attributes, "axes");
      return [
        isInteger(x) ? reduceAxes(x, axes, type, integerAt, integer) : reduceAxes(x, axes, type, read, float),
      ];
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
  {
    float: { initial: 0, combine: (sum, element) => sum + element },
    integer: { initial: 0n, combine: (sum, element) => sum + element },
  },
  (upstream, x) => expand(upstream, x.shape),
);

/** @throws UndefinedResult for an empty list of integers, whose mean or maximum is no integer */
function ofSome(value: bigint, count: number): bigint {
  if (count === 0) throw new UndefinedResult("no integers are reduced to one");
  return value;
}

/** Truncates towards 0, as ONNX Runtime and NumPy do. */
const wholeMean = (sum: bigint, count: number): bigint => ofSome(sum, count) / BigInt(count);

export const ReduceMean = reduction(
  "ReduceMean",
  {
    float: { initial: 0, combine: (sum, element) => sum + element, finish: (sum, count) => sum / count },
    integer: { initial: 0n, combine: (sum, element) => sum + element, finish: wholeMean },
  },
  (upstream, x) => {
    const count = sizeOf(x.shape) / sizeOf(upstream.shape);
    return expand(div(upstream, scalar(count, x.dtype)), x.shape);
  },
);

/**
 * Ties share the gradient equally, as in PyTorch's `amax` and `amin` and in JAX: the mean of the subgradients.
 * (TensorFlow.js gives each the whole.)
 */
const extremum = (name: string, how: Reduction, reduce: typeof reduceMax): OpDefinition =>
  reduction(name, how, (upstream, x, axes) => {
    const chosen = cast(equal(x, reduce(x, { axes, keepdims: true })), x.dtype);
    return mul(chosen, div(upstream, reduceSum(chosen, { axes, keepdims: true })));
  });

export const ReduceMax = extremum(
  "ReduceMax",
  {
    float: { initial: Number.NEGATIVE_INFINITY, combine: Math.max },
    integer: { initial: -(2n ** 63n), combine: larger, finish: ofSome },
  },
  reduceMax,
);

export const ReduceMin = extremum(
  "ReduceMin",
  {
    float: { initial: Number.POSITIVE_INFINITY, combine: Math.min },
    integer: { initial: 2n ** 63n - 1n, combine: (a, b) => -larger(-a, -b), finish: ofSome },
  },
  reduceMin,
);

/**
 * The gradient of each factor is the product of the others: the product of all divided by it, unless factors are 0.
 * With one 0, its gradient is the product of the others; with several, all gradients are 0.
 */
export const ReduceProd = reduction(
  "ReduceProd",
  {
    float: { initial: 1, combine: (product, element) => product * element },
    integer: { initial: 1n, combine: (product, element) => product * element },
  },
  (upstream, x, axes) => {
    const [zero, one] = [scalar(0, x.dtype), scalar(1, x.dtype)];
    const isZero = equal(x, zero);
    const others = where(isZero, one, x);
    const product = reduceProd(others, { axes, keepdims: true });
    const zeros = reduceSum(cast(isZero, x.dtype), { axes, keepdims: true });
    const withoutZeros = where(equal(zeros, zero), div(product, others), zero);
    return mul(upstream, where(isZero, where(equal(zeros, one), product, zero), withoutZeros));
  },
);

/** log Σ exp(x), computed from the maximum; its gradient is the softmax over the reduced axes. */
export const ReduceLogSumExp: OpDefinition = {
  ...ReduceSum,
  name: "ReduceLogSumExp",
  dtypes: FLOATS,
  evaluate: ([x], attributes, [type]) => {
    if (!x || !type) return [];
    const targets = broadcastIndices(keptShape(x.shape, numbersAttribute(attributes, "axes")), x.shape);
    const largest = new Float64Array(sizeOf(type.shape)).fill(Number.NEGATIVE_INFINITY);
    for (const [index, target] of targets.entries()) {
      largest[target] = Math.max(largest[target] as number, read(x.data, index));
    }
    const sums = new Float64Array(largest.length);
    // An infinite maximum is not subtracted from itself.
    const shifts = largest.map((maximum) => (Number.isFinite(maximum) ? maximum : 0));
    for (const [index, target] of targets.entries()) {
      const maximum = shifts[target] as number;
      sums[target] = (sums[target] as number) + Math.exp(read(x.data, index) - maximum);
    }
    const data = allocate(type);
    for (const [index, sum] of sums.entries()) write(data, index, (shifts[index] as number) + Math.log(sum));
    return [{ dtype: type.dtype, shape: type.shape, data }];
  },
  gradient: ({ inputs: [x], outputs: [y], attributes, upstream: [upstream] }) => {
    if (!x || !y || !upstream) return [];
    const kept = keptShape(x.shape, numbersAttribute(attributes, "axes"));
    return [mul(reshape(upstream, kept), exp(sub(x, reshape(y, kept))))];
  },
};
