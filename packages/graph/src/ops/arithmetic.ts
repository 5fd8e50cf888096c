import { broadcastShapes } from "../broadcast.js";
import { GraphError, UndefinedResult } from "../error.js";
import type { Value } from "../graph.js";
import type { OpDefinition } from "../op.js";
import { type DType, type Element, isInteger, type TensorType } from "../tensor.js";
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
  stopGradient,
  sub,
  sumTo,
  where,
} from "../vocabulary/index.js";
import { broadcastReader, expectInputs, generate, larger, NUMBERS } from "./support.js";

/** Adjoint of each operand at the broadcast shape; the definition sums it back to the operand's own. */
type Adjoints = (upstream: Value, a: Value, b: Value, output: Value) => readonly [a: Value, b: Value];

function inferBroadcast(inputs: readonly TensorType[]): TensorType {
  const [a, b] = expectInputs(inputs, 2);
  if (a.dtype !== b.dtype)
    throw new GraphError(`operands must have one dtype, got ${a.dtype} and ${b.dtype}`);
  return { dtype: a.dtype, shape: broadcastShapes(a.shape, b.shape) };
}

/** The same operator on floating-point numbers and on integers. */
interface Arithmetic {
  float(a: number, b: number): number;
  integer(a: bigint, b: bigint): Element;
}

function binary(name: string, { float, integer }: Arithmetic, adjoints: Adjoints): OpDefinition {
  return {
    name,
    dtypes: NUMBERS,
    infer: (inputs) => [inferBroadcast(inputs)],
    evaluate: ([a, b], _, [type]) => {
      if (!a || !b || !type) return [];
      const [ofA, ofB] = [broadcastReader(a, type.shape), broadcastReader(b, type.shape)];
      const compute = isInteger(a)
        ? (index: number) => integer(BigInt(ofA(index)), BigInt(ofB(index)))
        : (index: number) => float(Number(ofA(index)), Number(ofB(index)));
      return [generate(type, compute)];
    },
    gradient: ({ inputs: [a, b], outputs: [output], upstream: [upstream] }) => {
      if (!a || !b || !output || !upstream) return [];
      const [gradientA, gradientB] = adjoints(upstream, a, b, output);
      return [sumTo(gradientA, a.shape), sumTo(gradientB, b.shape)];
    },
  };
}

export const Add = binary("Add", { float: (a, b) => a + b, integer: (a, b) => a + b }, (upstream) => [
  upstream,
  upstream,
]);
export const Sub = binary("Sub", { float: (a, b) => a - b, integer: (a, b) => a - b }, (upstream) => [
  upstream,
  neg(upstream),
]);
export const Mul = binary("Mul", { float: (a, b) => a * b, integer: (a, b) => a * b }, (upstream, a, b) => [
  mul(upstream, b),
  mul(upstream, a),
]);

/** Truncates towards 0, as ONNX Runtime and C++ do. */
function quotient(a: bigint, b: bigint): bigint {
  if (b === 0n) throw new UndefinedResult(`${a} / 0 is undefined for integers`);
  return a / b;
}

/** The divisor's gradient uses the quotient: b² would overflow long before a/b does. */
export const Div = binary(
  "Div",
  { float: (a, b) => a / b, integer: quotient },
  (upstream, _, b, quotient) => [div(upstream, b), neg(div(mul(upstream, quotient), b))],
);

/** The remainder with the sign of the divisor, as in Python. */
function remainder(a: bigint, b: bigint): bigint {
  if (b === 0n) throw new UndefinedResult(`${a} modulo 0 is undefined for integers`);
  return ((a % b) + b) % b;
}

/**
 * ONNX `Mod`: for floating-point numbers, the remainder with the sign of the dividend (attribute fmod 1); for integers,
 * with that of the divisor (0). The integer quotient has gradient 0.
 */
export const Mod: OpDefinition = binary(
  "Mod",
  { float: (a, b) => a % b, integer: remainder },
  (upstream, a, b, y) => [upstream, neg(mul(upstream, stopGradient(div(sub(a, y), b))))],
);

/** The pow of IEEE 754. JavaScript's differs in two cases: 1 to any power is 1, and −1 to an infinite power is 1. */
const power = (a: number, b: number): number =>
  a === 1 || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY) ? 1 : a ** b;

/** ONNX Runtime computes powers of integers in double precision: its results are exact only up to 2^53. */
function integerPower(a: bigint, b: bigint): number {
  const exact = Number(a) ** Number(b);
  if (b < 0n || !Number.isSafeInteger(exact))
    throw new UndefinedResult(`${a} to the power of ${b} is no exact integer`);
  return exact;
}

/** At a = 0 with b = 0 the first factor counts, as in PyTorch. The gradient for b needs a > 0 and is 0 elsewhere. */
export const Pow = binary("Pow", { float: power, integer: integerPower }, (upstream, a, b, y) => {
  const [zero, one] = [scalar(0, a.dtype), scalar(1, a.dtype)];
  const slope = mul(b, pow(a, sub(b, one)));
  return [
    mul(upstream, where(equal(b, zero), zero, slope)),
    mul(upstream, where(greater(a, zero), mul(y, log(max(a, zero))), zero)),
  ];
});

/** Equal operands get half of the gradient each, as in PyTorch and JAX. (TensorFlow.js gives `a` the whole.) */
const extremum = (name: string, arithmetic: Arithmetic): OpDefinition =>
  binary(name, arithmetic, (upstream, a, b, chosen) => {
    const share = (of: Value) => cast(equal(of, chosen), upstream.dtype);
    const both = add(share(a), share(b));
    return [div(mul(upstream, share(a)), both), div(mul(upstream, share(b)), both)];
  });
export const Max = extremum("Max", { float: Math.max, integer: larger });
export const Min = extremum("Min", { float: Math.min, integer: (a, b) => -larger(-a, -b) });

/** Elementwise comparison; its result is `bool`, so no gradient flows. */
const comparison = (
  name: string,
  holds: (a: Element, b: Element) => boolean,
  dtypes: readonly DType[] = NUMBERS,
): OpDefinition => ({
  name,
  dtypes,
  infer: (inputs) => [{ dtype: "bool", shape: inferBroadcast(inputs).shape }],
  evaluate: ([a, b], _, [type]) => {
    if (!a || !b || !type) return [];
    const [ofA, ofB] = [broadcastReader(a, type.shape), broadcastReader(b, type.shape)];
    return [generate(type, (index) => Number(holds(ofA(index), ofB(index))))];
  },
  gradient: () => [undefined, undefined],
});
export const Equal = comparison("Equal", (a, b) => a === b, [...NUMBERS, "bool"]);
export const Greater = comparison("Greater", (a, b) => a > b);
export const Less = comparison("Less", (a, b) => a < b);
