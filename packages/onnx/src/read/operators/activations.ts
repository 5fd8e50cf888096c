import {
  abs,
  add,
  argMax,
  cast,
  div,
  equal,
  exp,
  greater,
  less,
  mul,
  range,
  relu,
  reshape,
  scalar,
  sigmoid,
  softplus,
  sub,
  tanh,
  type Value,
  where,
} from "@softmax-bench/graph";
import { axisFrom, type Reader, type Readers, unary } from "./reader.js";

/** Activations as compositions. At a kink, the gradient is PyTorch's. */

const number = (value: number, { dtype }: Value): Value => scalar(value, dtype);
const isPositive = (x: Value): Value => greater(x, number(0, x));

/** x if it is positive, otherwise another value. */
const positiveOr = (x: Value, otherwise: Value): Value => where(isPositive(x), x, otherwise);

/** eˣ − 1 if x is not positive: otherwise it could overflow, and its gradient would be NaN. */
const expm1Below = (x: Value): Value => {
  const below = where(isPositive(x), number(0, x), x);
  return sub(exp(below), number(1, x));
};

/** max(0, min(1, α x + β)), without a gradient at either limit. */
const hardSigmoid = (x: Value, alpha: number, beta: number): Value => {
  const line = add(mul(x, number(alpha, x)), number(beta, x));
  return where(less(line, number(1, x)), relu(line), number(1, x));
};

const elu = (x: Value, alpha: number): Value => positiveOr(x, mul(number(alpha, x), expm1Below(x)));

const celu = (x: Value, alpha: number): Value =>
  positiveOr(x, mul(number(alpha, x), expm1Below(div(x, number(alpha, x)))));

/** The paper's numbers, as ONNX stores them. */
const selu: Reader = (node) => {
  const x = node.input(0);
  const [alpha, gamma] = [node.float("alpha", 1.6732632423543772), node.float("gamma", 1.0507009873554805)];
  return mul(number(gamma, x), elu(x, alpha));
};

const shrink: Reader = (node) => {
  const x = node.input(0);
  const [bias, limit] = [node.float("bias", 0), node.float("lambd", 0.5)];
  const aboveOr = (otherwise: Value) =>
    where(greater(x, number(limit, x)), sub(x, number(bias, x)), otherwise);
  return where(less(x, number(-limit, x)), add(x, number(bias, x)), aboveOr(number(0, x)));
};

/** 1 at the first of the largest elements along an axis, 0 elsewhere. */
const hardmax: Reader = (node) => {
  const x = node.input(0);
  const axis = axisFrom(node, node.int("axis", -1), x.shape.length);
  const size = x.shape[axis] as number;
  const places = reshape(
    range(0, size, 1, "int64"),
    x.shape.map((_, at) => (at === axis ? size : 1)),
  );
  return cast(equal(places, argMax(x, axis)), x.dtype);
};

const swish = (x: Value, alpha: number): Value => mul(x, sigmoid(mul(x, number(alpha, x))));

export const ACTIVATIONS: Readers = {
  Celu: (node) => celu(node.input(0), node.float("alpha", 1)),
  Elu: (node) => elu(node.input(0), node.float("alpha", 1)),
  HardSigmoid: (node) => hardSigmoid(node.input(0), node.float("alpha", 0.2), node.float("beta", 0.5)),
  Hardmax: hardmax,
  HardSwish: unary((x) => mul(x, hardSigmoid(x, Math.fround(1 / 6), 0.5))),
  Mish: unary((x) => mul(x, tanh(softplus(x)))),
  PRelu: (node) => positiveOr(node.input(0), mul(node.input(0), node.input(1))),
  Selu: selu,
  Shrink: shrink,
  Softplus: unary(softplus),
  Softsign: unary((x) => div(x, add(number(1, x), abs(x)))),
  Swish: (node) => swish(node.input(0), node.float("alpha", 1)),
  SwiGLU: (node) => mul(swish(node.input(0), node.float("alpha", 1)), node.input(1)),
  ThresholdedRelu: (node) => {
    const x = node.input(0);
    return where(greater(x, number(node.float("alpha", 1), x)), x, number(0, x));
  },
};

type RecurrentActivation = (x: Value, alpha?: number, beta?: number) => Value;

/** Activations of recurrent operators: functions of x and their two numbers, which have ONNX's defaults. */
export const RECURRENT_ACTIVATIONS: ReadonlyMap<string, RecurrentActivation> = new Map(
  Object.entries<RecurrentActivation>({
    Affine: (x, alpha = 1, beta = 0) => add(mul(x, number(alpha, x)), number(beta, x)),
    Elu: (x, alpha = 1) => elu(x, alpha),
    HardSigmoid: (x, alpha = 0.2, beta = 0.5) => hardSigmoid(x, alpha, beta),
    LeakyRelu: (x, alpha = 0.01) => positiveOr(x, mul(x, number(alpha, x))),
    Relu: relu,
    ScaledTanh: (x, alpha = 1, beta = 1) => mul(number(alpha, x), tanh(mul(x, number(beta, x)))),
    Sigmoid: sigmoid,
    Softplus: softplus,
    Softsign: (x) => div(x, add(number(1, x), abs(x))),
    Tanh: tanh,
    ThresholdedRelu: (x, alpha = 1) => where(greater(x, number(alpha, x)), x, number(0, x)),
  }),
);
