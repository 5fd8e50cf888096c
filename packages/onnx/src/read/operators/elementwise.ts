import {
  abs,
  add,
  cast,
  clip,
  type DType,
  div,
  equal,
  erf,
  exp,
  expand,
  gelu,
  greater,
  identity,
  leakyRelu,
  less,
  log,
  max,
  min,
  mul,
  neg,
  pow,
  relu,
  scalar,
  sigmoid,
  sqrt,
  sub,
  tanh,
  where,
} from "@softmax-bench/graph";
import { dtypeOf } from "../tensors.js";
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

const readClip: Reader = (node) => {
  const limit = (position: number, otherwise: number) => node.numbers(position)?.[0] ?? otherwise;
  return clip(node.input(0), limit(1, Number.NEGATIVE_INFINITY), limit(2, Number.POSITIVE_INFINITY));
};

/** Without training, or at a ratio of 0, it keeps everything. */
const dropout: Reader = (node) => {
  const [x, ratio = 0.5] = [node.input(0), node.numbers(1)?.[0]];
  node.int("seed", 0);
  const isTraining = (node.numbers(2)?.[0] ?? 0) !== 0;
  if (isTraining && ratio !== 0) node.fail("training_mode is not supported: its choice is random");
  return [identity(x), expand(scalar(1, "bool"), x.shape)];
};

const readCast: Reader = (node) => {
  node.int("saturate", 1);
  return cast(node.input(0), dtypeOf(node.int("to", 0), "the result") satisfies DType);
};

export const ELEMENTWISE: Readers = {
  ...{ Exp: unary(exp), Log: unary(log), Neg: unary(neg), Sqrt: unary(sqrt), Abs: unary(abs) },
  ...{
    Identity: unary(identity),
    Relu: unary(relu),
    Sigmoid: unary(sigmoid),
    Tanh: unary(tanh),
    Erf: unary(erf),
  },
  LeakyRelu: (node) => leakyRelu(node.input(0), node.float("alpha", 0.01)),
  ...{ Gelu: readGelu, Clip: readClip, Dropout: dropout, Cast: readCast },
  ...{ Add: binary(add), Sub: binary(sub), Mul: binary(mul), Div: binary(div) },
  Pow: (node) => pow(node.input(0), cast(node.input(1), node.input(0).dtype)),
  ...{ Max: variadic(max), Min: variadic(min), Sum: variadic(add) },
  ...{ Equal: binary(equal), Greater: binary(greater), Less: binary(less) },
  Where: (node) => where(node.input(0), node.input(1), node.input(2)),
};
