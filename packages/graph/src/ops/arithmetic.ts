import { broadcastShapes } from "../broadcast.js";
import { GraphError, type Value } from "../graph.js";
import type { OpDefinition } from "../op.js";
import type { TensorType } from "../tensor.js";
import { div, mul, neg, sumTo } from "../vocabulary.js";
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
      return [generate(type, (index) => compute(readA(index), readB(index)))];
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

/** Elementwise comparison; its result is `bool`, so no gradient flows. */
export const Equal: OpDefinition = {
  ...binary(
    "Equal",
    (a, b) => (a === b ? 1 : 0),
    (upstream) => [upstream, upstream],
  ),
  infer: (inputs) => [{ ...inferBroadcast(inputs), dtype: "bool" }],
  gradient: () => [undefined, undefined],
};
