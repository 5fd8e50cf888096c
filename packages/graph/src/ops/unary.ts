import type { Value } from "../graph.js";
import type { GradientContext, OpDefinition } from "../op.js";
import { read } from "../tensor.js";
import { div, exp, mul, neg } from "../vocabulary.js";
import { expectInputs, generate } from "./support.js";

function unary(
  name: string,
  compute: (x: number) => number,
  gradient: (upstream: Value, x: Value) => Value,
): OpDefinition {
  return {
    name,
    infer: (inputs) => [...expectInputs(inputs, 1)],
    evaluate: ([x], _, [type]) =>
      x && type ? [generate(type, (index) => compute(read(x.data, index)))] : [],
    gradient: ({ inputs: [x], upstream: [upstream] }: GradientContext) =>
      x && upstream ? [gradient(upstream, x)] : [],
  };
}

export const Exp = unary("Exp", Math.exp, (upstream, x) => mul(upstream, exp(x)));
export const Log = unary("Log", Math.log, (upstream, x) => div(upstream, x));
export const Neg = unary(
  "Neg",
  (x) => -x,
  (upstream) => neg(upstream),
);

/** ONNX has no such operator: it is an `Identity` there, and blocks gradients here. */
export const StopGradient: OpDefinition = {
  ...unary(
    "StopGradient",
    (x) => x,
    (upstream) => upstream,
  ),
  gradient: () => [undefined],
};
