import type { Value } from "../graph.js";
import { apply } from "../op.js";
import { type DType, isFloat } from "../tensor.js";
import { scalar, stored } from "./numbers.js";

export const exp = (x: Value): Value => apply("Exp", [x]);
export const log = (x: Value): Value => apply("Log", [x]);
export const neg = (x: Value): Value => apply("Neg", [x]);
export const sqrt = (x: Value): Value => apply("Sqrt", [x]);
export const abs = (x: Value): Value => apply("Abs", [x]);
export const floor = (x: Value): Value => apply("Floor", [x]);

/** The nearest integer; halves go to the even one. */
export const round = (x: Value): Value => apply("Round", [x]);
export const sin = (x: Value): Value => apply("Sin", [x]);
export const cos = (x: Value): Value => apply("Cos", [x]);
export const identity = (x: Value): Value => apply("Identity", [x]);
export const relu = (x: Value): Value => apply("Relu", [x]);

/** x where x > 0, alpha x elsewhere. */
export const leakyRelu = (x: Value, alpha = 0.01): Value => apply("LeakyRelu", [x], { alpha: stored(alpha) });

export const sigmoid = (x: Value): Value => apply("Sigmoid", [x]);
export const tanh = (x: Value): Value => apply("Tanh", [x]);
/** log(1 + eˣ) */
export const softplus = (x: Value): Value => apply("Softplus", [x]);
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

/** The remainder of a / b: of floating-point numbers with the sign of a, of integers with that of b. */
export const mod = (a: Value, b: Value): Value => apply("Mod", [a, b], { fmod: Number(isFloat(a)) });

/** a to the power of b; for a below 0, b must be an integer. */
export const pow = (a: Value, b: Value): Value => apply("Pow", [a, b]);

/** The larger of each pair of elements. */
export const max = (a: Value, b: Value): Value => apply("Max", [a, b]);

/** The smaller of each pair of elements. */
export const min = (a: Value, b: Value): Value => apply("Min", [a, b]);

export const equal = (a: Value, b: Value): Value => apply("Equal", [a, b]);
export const greater = (a: Value, b: Value): Value => apply("Greater", [a, b]);
export const less = (a: Value, b: Value): Value => apply("Less", [a, b]);

export const and = (a: Value, b: Value): Value => apply("And", [a, b]);
export const or = (a: Value, b: Value): Value => apply("Or", [a, b]);
export const not = (x: Value): Value => apply("Not", [x]);

/**
 * Elements of `a` if the condition (bool) holds, of `b` otherwise. For `bool`, by logic: runtimes choose numbers only.
 */
export const where = (condition: Value, a: Value, b: Value): Value =>
  a.dtype === "bool" && b.dtype === "bool"
    ? or(and(condition, a), and(not(condition), b))
    : apply("Where", [condition, a, b]);

export const cast = (x: Value, dtype: DType): Value =>
  x.dtype === dtype ? x : apply("Cast", [x], { to: dtype });

/** The value itself, through which no gradient flows. */
export const stopGradient = (x: Value): Value => apply("StopGradient", [x]);
