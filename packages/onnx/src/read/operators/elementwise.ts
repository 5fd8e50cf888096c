import {
  abs,
  add,
  apply,
  cast,
  clip,
  constantTensor,
  type DType,
  div,
  erf,
  exp,
  expand,
  floor,
  gelu,
  greater,
  identity,
  isFloat,
  leakyRelu,
  less,
  log,
  max,
  min,
  mod,
  mul,
  neg,
  pow,
  relu,
  reshape,
  round,
  scalar,
  sigmoid,
  sqrt,
  stopGradient,
  sub,
  tanh,
  type Value,
  where,
} from "@softmax-bench/graph";
import { ROUNDING } from "../../rounding.js";
import { toDType } from "../tensors.js";
import { binary, type Reader, type Readers, unary, variadic } from "./reader.js";

/** x Φ(x), or its approximation 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))). */
const readGelu: Reader = (node) => {
  const x = node.input(0);
  const approximation = node.string("approximate", "none");
  if (approximation === "none") return gelu(x);
  if (approximation !== "tanh") node.fail(`approximate ${approximation} is not known`);
  const number = (value: number) => scalar(value, x.dtype);
  const cubic = add(x, mul(number(0.044715), mul(x, mul(x, x))));
  return mul(mul(number(0.5), x), add(number(1), tanh(mul(number(Math.sqrt(2 / Math.PI)), cubic))));
};

/** The largest finite number of a type: in ONNX, the default of a missing limit. */
const LARGEST: Partial<Record<DType, number>> = {
  float32: (2 - 2 ** -23) * 2 ** 127,
  float64: Number.MAX_VALUE,
};

/** Clips; integers are not clipped if no limit is given. A double cannot represent all of their limits. */
const readClip: Reader = (node) => {
  const x = node.input(0);
  const largest = LARGEST[x.dtype];
  if (largest !== undefined) return clip(x, node.number(1) ?? -largest, node.number(2) ?? largest);
  const [low, high] = [node.optional(1), node.optional(2)];
  const notBelow = low ? max(x, reshape(low, [])) : x;
  return high ? min(notBelow, reshape(high, [])) : notBelow;
};

/** Operands of different types become float64, as in ONNX Runtime, unless the base's type holds the exponent. */
const readPow: Reader = (node) => {
  const [base, exponent] = [node.input(0), node.input(1)];
  if (base.dtype === exponent.dtype) return pow(base, exponent);
  if (isExactIn(base.dtype, exponent)) return pow(base, cast(exponent, base.dtype));
  return cast(pow(cast(base, "float64"), cast(exponent, "float64")), base.dtype);
};

/** True if the value is a constant whose elements a type represents exactly; of float64 and integers, whole numbers up to 2^24 are known to be. */
function isExactIn(dtype: DType, { node }: Value): boolean {
  if (node.op !== "Constant") return false;
  const isSmall = (value: number) => Number.isInteger(value) && Math.abs(value) <= 2 ** 24;
  const round = ROUNDING[dtype];
  const isExact = round ? (value: number) => round(value) === value : isSmall;
  return Array.from(constantTensor(node).data, Number).every(isExact);
}

/** Without training, this does nothing. */
const dropout: Reader = (node) => {
  const [x, ratio = 0.5, isTraining = 0] = [node.input(0), node.number(1), node.number(2)];
  node.int("seed", 0);
  if (isTraining !== 0 && ratio !== 0) node.fail("training_mode is not supported: its choice is random");
  return [identity(x), expand(scalar(1, "bool"), x.shape)];
};

const readCast: Reader = (node) => {
  node.int("saturate", 1);
  return cast(node.input(0), toDType(node.int("to", 0), "the result") satisfies DType);
};

const castLike: Reader = (node) => {
  node.int("saturate", 1);
  return cast(node.input(0), node.input(1).dtype);
};

/** Keeps NaN and the sign of 0; no gradient flows. */
function sign(x: Value): Value {
  const number = (value: number) => scalar(value, x.dtype);
  const below = where(less(x, number(0)), number(-1), stopGradient(x));
  return where(greater(x, number(0)), number(1), below);
}

const readMod: Reader = (node) => {
  const [a, b] = [node.input(0), node.input(1)];
  const isTruncated = node.flag("fmod");
  if (isFloat(a) === isTruncated) return mod(a, b);
  if (isFloat(a)) return node.fail("floating-point operands need fmod 1");
  // The remainder with the sign of the dividend is the remainder of the magnitudes.
  const remainder = mod(abs(a), abs(b));
  return where(less(a, scalar(0, a.dtype)), neg(remainder), remainder);
};

const readMean: Reader = (node) => {
  const sum = node.input(0) && variadic(add)(node);
  return div(sum as Value, scalar(node.inputCount, node.input(0).dtype));
};

export const ELEMENTWISE: Readers = {
  Exp: unary(exp),
  Log: unary(log),
  Neg: unary(neg),
  Sqrt: unary(sqrt),
  Abs: unary(abs),
  Identity: unary(identity),
  Relu: unary(relu),
  Sigmoid: unary(sigmoid),
  Tanh: unary(tanh),
  Erf: unary(erf),
  LeakyRelu: (node) => leakyRelu(node.input(0), node.float("alpha", 0.01)),
  Gelu: readGelu,
  Clip: readClip,
  Dropout: dropout,
  Cast: readCast,
  Add: binary(add),
  Sub: binary(sub),
  Mul: binary(mul),
  Div: binary(div),
  Pow: readPow,
  Max: variadic(max),
  Min: variadic(min),
  Sum: variadic(add),
  ...Object.fromEntries(
    ["Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh"].map(
      (op) => [op, unary((x) => apply(op, [x]))] as const,
    ),
  ),
  Floor: unary(floor),
  Ceil: unary((x) => neg(floor(neg(x)))),
  Round: unary(round),
  Reciprocal: unary((x) => div(scalar(1, x.dtype), x)),
  Sign: unary(sign),
  Mod: readMod,
  Mean: readMean,
  CastLike: castLike,
  Where: (node) => where(node.input(0), node.input(1), node.input(2)),
};
