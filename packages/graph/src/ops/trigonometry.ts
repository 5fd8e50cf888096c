import type { Value } from "../graph.js";
import { apply } from "../op.js";
import { add, cos, div, mul, neg, scalar, sin, sqrt, sub } from "../vocabulary/index.js";
import { unary } from "./unary.js";

/** Trigonometric and hyperbolic functions and their inverses. */

const one = (x: Value): Value => scalar(1, x.dtype);
const square = (x: Value): Value => mul(x, x);

export const Sin = unary("Sin", Math.sin, (upstream, x) => mul(upstream, cos(x)));
export const Cos = unary("Cos", Math.cos, (upstream, x) => neg(mul(upstream, sin(x))));
export const Tan = unary("Tan", Math.tan, (upstream, x, y) => mul(upstream, add(one(x), square(y))));
export const Asin = unary("Asin", Math.asin, (upstream, x) => div(upstream, sqrt(sub(one(x), square(x)))));
export const Acos = unary("Acos", Math.acos, (upstream, x) =>
  neg(div(upstream, sqrt(sub(one(x), square(x))))),
);
export const Atan = unary("Atan", Math.atan, (upstream, x) => div(upstream, add(one(x), square(x))));

/** The gradient uses √(1 + sinh²x) = cosh x, because ONNX Runtime has no double kernel for cosh. */
export const Sinh = unary("Sinh", Math.sinh, (upstream, x, y) => mul(upstream, sqrt(add(one(x), square(y)))));
export const Cosh = unary("Cosh", Math.cosh, (upstream, x) => mul(upstream, apply("Sinh", [x])));
export const Asinh = unary("Asinh", Math.asinh, (upstream, x) => div(upstream, sqrt(add(square(x), one(x)))));
export const Acosh = unary("Acosh", Math.acosh, (upstream, x) => div(upstream, sqrt(sub(square(x), one(x)))));
export const Atanh = unary("Atanh", Math.atanh, (upstream, x) => div(upstream, sub(one(x), square(x))));
