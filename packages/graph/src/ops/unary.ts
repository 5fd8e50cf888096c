import type { Value } from "../graph.js";
import type { GradientContext, OpDefinition } from "../op.js";
import { elementAt, FLOATS, isInteger, read } from "../tensor.js";
import { div, greater, less, mul, neg, scalar, where } from "../vocabulary/index.js";
import { expectInputs, generate, NUMBERS } from "./support.js";

/** An elementwise operator on floating-point numbers and, with `ofInteger`, on integers. */
export function unary(
  name: string,
  compute: (x: number) => number,
  gradient: (upstream: Value, x: Value, y: Value) => Value,
  ofInteger?: (x: bigint) => bigint,
): OpDefinition {
  return {
    name,
    dtypes: ofInteger ? NUMBERS : FLOATS,
    infer: (inputs) => [...expectInputs(inputs, 1)],
    evaluate: ([x], _, [type]) => {
      if (!x || !type) return [];
      return [
        ofInteger && isInteger(type)
          ? generate(type, (index) => ofInteger(BigInt(elementAt(x.data, index))))
          : generate(type, (index) => compute(read(x.data, index))),
      ];
    },
    gradient: ({ inputs: [x], outputs: [y], upstream: [upstream] }: GradientContext) =>
      x && y && upstream ? [gradient(upstream, x, y)] : [],
  };
}

export const Exp = unary("Exp", Math.exp, (upstream, _, y) => mul(upstream, y));
export const Log = unary("Log", Math.log, (upstream, x) => div(upstream, x));
export const Neg = unary(
  "Neg",
  (x) => -x,
  (upstream) => neg(upstream),
  (x) => -x,
);

export const Sqrt = unary("Sqrt", Math.sqrt, (upstream, x, y) => div(upstream, mul(scalar(2, x.dtype), y)));
/** The gradient at 0 is 0, as in all frameworks. */
export const Abs = unary(
  "Abs",
  Math.abs,
  (upstream, x) => {
    const zero = scalar(0, x.dtype);
    return where(greater(x, zero), upstream, where(less(x, zero), neg(upstream), zero));
  },
  (x) => (x < 0n ? -x : x),
);
export const Identity: OpDefinition = {
  name: "Identity",
  infer: (inputs) => [...expectInputs(inputs, 1)],
  evaluate: ([x]) => (x ? [x] : []),
  gradient: ({ upstream: [upstream] }) => [upstream],
};

/** A value that blocks gradients. ONNX has no such operator: there it is an `Identity`. */
export const StopGradient: OpDefinition = {
  ...Identity,
  name: "StopGradient",
  gradient: () => [undefined],
};

/** Rounding functions have gradient 0: no gradient flows. */
const rounding = (name: string, compute: (x: number) => number): OpDefinition => ({
  ...unary(name, compute, (upstream) => upstream),
  gradient: () => [undefined],
});

export const Floor = rounding("Floor", Math.floor);

/** Rounds halves to the even neighbour. */
export const Round = rounding("Round", (x) => {
  const below = Math.floor(x);
  const isHalf = x - below === 0.5;
  return isHalf ? 2 * Math.round(x / 2) : Math.round(x);
});
