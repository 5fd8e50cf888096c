import { pullBack } from "../differentiate.js";
import { evaluate } from "../evaluate.js";
import { type Attributes, input, type Value } from "../graph.js";
import type { Body, GradientContext, OpDefinition } from "../op.js";
import { elementAt, FLOATS, isFloat, type Tensor, type TensorType } from "../tensor.js";
import { generate } from "./support.js";

/** An operator on floating-point numbers whose body defines both its evaluation and its gradient. */
export function composite(name: string, infer: OpDefinition["infer"], body: Body): OpDefinition {
  return {
    name,
    dtypes: FLOATS,
    infer,
    body,
    evaluate: (inputs, attributes, types) => evaluateBody(body, inputs, attributes, types),
    gradient: (context) => gradientThrough(body, context),
  };
}

/** Runs a body in double precision, and rounds its outputs once. */
function evaluateBody(
  body: Body,
  inputs: readonly Tensor[],
  attributes: Attributes,
  types: readonly TensorType[],
): readonly Tensor[] {
  const wide = inputs.map(widened);
  const inside = wide.map(({ dtype, shape }, position) => input(String(position), dtype, shape));
  const outputs = Object.fromEntries(body(inside, attributes).entries());
  const results = evaluate({ name: "body", inputs: inside, outputs }, Object.fromEntries(wide.entries()));
  return types.map((type, position) => {
    const { data } = results[position] as Tensor;
    return generate(type, (index) => elementAt(data, index));
  });
}

const widened = (x: Tensor): Tensor =>
  isFloat(x) ? { dtype: "float64", shape: x.shape, data: Float64Array.from(x.data as Float32Array) } : x;

/** The gradient of a body with respect to the node's own inputs, each treated as independent of the others. */
function gradientThrough(
  body: Body,
  { inputs, attributes, upstream }: GradientContext,
): readonly (Value | undefined)[] {
  const wrt = [...new Set(inputs.filter(isFloat))];
  const boundary = new Set(inputs.map(({ node }) => node));
  const gradients = pullBack(body(inputs, attributes), wrt, upstream, { boundary });
  // An input that occurs twice has the gradient of both at its first position.
  return inputs.map((input, position) =>
    inputs.indexOf(input) === position ? gradients[wrt.indexOf(input)] : undefined,
  );
}
