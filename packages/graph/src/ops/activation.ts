import type { OpDefinition } from "../op.js";
import { FLOATS, read } from "../tensor.js";
import {
  abs,
  add,
  exp,
  greater,
  less,
  log,
  mul,
  neg,
  relu,
  scalar,
  sigmoid,
  sub,
  where,
} from "../vocabulary/index.js";
import { expectInputs, generate, numberAttribute } from "./support.js";
import { unary } from "./unary.js";

/** The gradient at 0 is 0, as in all frameworks. */
export const Relu = unary(
  "Relu",
  (x) => Math.max(x, 0),
  (upstream, x) => where(greater(x, scalar(0, x.dtype)), upstream, scalar(0, x.dtype)),
  (x) => (x > 0n ? x : 0n),
);

/** The gradient at 0 is alpha, as in PyTorch. */
export const LeakyRelu: OpDefinition = {
  name: "LeakyRelu",
  dtypes: FLOATS,
  infer: (inputs) => [...expectInputs(inputs, 1)],
  evaluate: ([x], attributes, [type]) => {
    if (!x || !type) return [];
    const alpha = numberAttribute(attributes, "alpha");
    return [
      generate(type, (index) => {
        const value = read(x.data, index);
        return value > 0 ? value : alpha * value;
      }),
    ];
  },
  gradient: ({ inputs: [x], attributes, upstream: [upstream] }) => {
    if (!x || !upstream) return [];
    const alpha = scalar(numberAttribute(attributes, "alpha"), x.dtype);
    return [where(greater(x, scalar(0, x.dtype)), upstream, mul(upstream, alpha))];
  },
  body: ([x], attributes) => {
    if (!x) return [];
    const alpha = scalar(numberAttribute(attributes, "alpha"), x.dtype);
    return [where(greater(x, scalar(0, x.dtype)), x, mul(x, alpha))];
  },
};

export const Sigmoid = unary(
  "Sigmoid",
  (x) => 1 / (1 + Math.exp(-x)),
  (upstream, x, y) => mul(upstream, mul(y, sub(scalar(1, x.dtype), y))),
);

/** log(1 + eˣ), whose gradient is the sigmoid. */
export const Softplus: OpDefinition = {
  ...unary(
    "Softplus",
    (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    (upstream, x) => mul(upstream, sigmoid(x)),
  ),
  body: ([x]) => (x ? [add(relu(x), log(add(scalar(1, x.dtype), exp(neg(abs(x))))))] : []),
};

export const Tanh = unary("Tanh", Math.tanh, (upstream, x, y) =>
  mul(upstream, sub(scalar(1, x.dtype), mul(y, y))),
);

export const Erf = unary("Erf", errorFunction, (upstream, x) =>
  mul(upstream, mul(scalar(2 / Math.sqrt(Math.PI), x.dtype), exp(neg(mul(x, x))))),
);

/**
 * erf x = 2/√π e^(−x²) Σ 2^n x^(2n+1) / (1·3·…·(2n+1)), whose terms all have the same sign (DLMF 7.6.2): within 8 ULP.
 * From 6 on, erf x rounds to 1.
 */
function errorFunction(x: number): number {
  if (Math.abs(x) >= 6) return Math.sign(x);
  if (Number.isNaN(x)) return x;
  let [term, sum] = [x, x];
  for (let n = 1; Math.abs(term) > Number.EPSILON * 1e-2 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** The gradient at the limits passes, as in PyTorch. A missing limit is an infinity, which integers do not have. */
export const Clip: OpDefinition = {
  name: "Clip",
  dtypes: FLOATS,
  infer: (inputs) => [...expectInputs(inputs, 1)],
  evaluate: ([x], attributes, [type]) => {
    if (!x || !type) return [];
    const [low, high] = [numberAttribute(attributes, "low"), numberAttribute(attributes, "high")];
    return [generate(type, (index) => Math.min(Math.max(read(x.data, index), low), high))];
  },
  gradient: ({ inputs: [x], attributes, upstream: [upstream] }) => {
    if (!x || !upstream) return [];
    const [low, high] = [numberAttribute(attributes, "low"), numberAttribute(attributes, "high")];
    const zero = scalar(0, x.dtype);
    const notBelow = where(less(x, scalar(low, x.dtype)), zero, upstream);
    return [where(greater(x, scalar(high, x.dtype)), zero, notBelow)];
  },
};
