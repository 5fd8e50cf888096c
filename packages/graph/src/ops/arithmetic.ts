import { broadcastShapes } from "../broadcast.js";
import { GraphError, type Value } from "../graph.js";
import type { OpDefinition } from "../op.js";
import type { TensorType } from "../tensor.js";
import {
  add,
  cast,
  div,
  equal,
  greater,
  log,
  max,
  mul,
  neg,
  pow,
  scalar,
  sub,
  sumTo,
  where,
} from "../vocabulary/index.js";
import { broadcastReader, expectInputs, generate } from "./support.js";

/** Adjoint of each operand at the broadcast shape; the definition sums it back to the operand's own. */
type Adjoints = (upstream: Value, a: Value, b: Value, output: Value) => readonly [a: Value, b: Value];

function inferBroadcast(inputs: readonly TensorType[]): TensorType {
  const [a, b] = expectInputs(inputs, 2);
  if (a.dtype !== b.dtype)
    throw new GraphError(`operands must have one dtype, got ${a.dtype} and ${b.dtype}`);
  return { dtype: a.dtype, shape: broadcastShapes(a.shape, b.shape) };
}

function binary(name: string, compute: (a: number, b: number) => number, adjoints: Adjoints): OpDefinition {
  return {
    name,
    infer: (inputs) => [inferBroadcast(inputs)],
    evaluate: ([a, b], _, [type]) => {
      if (!a || !b || !type) return [];
      const readA = broadcastReader(a, type.shape);
      const readB = broadcastReader(b, type.shape);
      const whole = type.dtype === "int32" || type.dtype === "int64";
      return [
        generate(type, (index) => {
          const value = compute(readA(index), readB(index));
          return whole ? Math.trunc(value) : value;
        }),
      ];
    },
    gradient: ({ inputs: [a, b], outputs: [output], upstream: [upstream] }) => {
      if (!a || !b || !output || !upstream) return [];
      const [gradientA, gradientB] = adjoints(upstream, a, b, output);
      return [sumTo(gradientA, a.shape), sumTo(gradientB, b.shape)];
    },
  };
}

export const Add = binary(
  "Add",
  (a, b) => a + b,
  (upstream) => [upstream, upstream],
);
export const Sub = binary(
  "Sub",
  (a, b) => a - b,
  (upstream) => [upstream, neg(upstream)],
);
export const Mul = binary(
  "Mul",
  (a, b) => a * b,
  (upstream, a, b) => [mul(upstream, b), mul(upstream, a)],
);
/** The divisor's gradient goes through the quotient: b² would overflow long before a/b does. */
export const Div = binary(
  "Div",
  (a, b) => a / b,
  (upstream, _, b, quotient) => [div(upstream, b), neg(div(mul(upstream, quotient), b))],
);

/** At a = 0 with b = 0 the first factor counts, as in PyTorch; a gradient with respect to b needs a > 0, and is 0 elsewhere. */
export const Pow = binary(
  "Pow",
  (a, b) => a ** b,
  (upstream, a, b, power) => {
    const [zero, one] = [scalar(0, a.dtype), scalar(1, a.dtype)];
    const slope = mul(b, pow(a, sub(b, one)));
    return [
      mul(upstream, where(equal(b, zero), zero, slope)),
      mul(upstream, where(greater(a, zero), mul(power, log(max(a, zero))), zero)),
    ];
  },
);

/** Where both are equal, each gets half of the gradient, as in PyTorch and JAX. (TensorFlow.js gives `a` the whole.) */
const extremum = (name: string, compute: (a: number, b: number) => number): OpDefinition =>
  binary(name, compute, (upstream, a, b, chosen) => {
    const share = (of: Value) => cast(equal(of, chosen), upstream.dtype);
    const both = add(share(a), share(b));
    return [div(mul(upstream, share(a)), both), div(mul(upstream, share(b)), both)];
  });
export const Max = extremum("Max", Math.max);
export const Min = extremum("Min", Math.min);

/** Elementwise comparison; its result is `bool`, so no gradient flows. */
const comparison = (name: string, holds: (a: number, b: number) => boolean): OpDefinition => ({
  ...binary(
    name,
    (a, b) => (holds(a, b) ? 1 : 0),
    (upstream) => [upstream, upstream],
  ),
  infer: (inputs) => [{ ...inferBroadcast(inputs), dtype: "bool" }],
  gradient: () => [undefined, undefined],
});
export const Equal = comparison("Equal", (a, b) => a === b);
export const Greater = comparison("Greater", (a, b) => a > b);
export const Less = comparison("Less", (a, b) => a < b);
