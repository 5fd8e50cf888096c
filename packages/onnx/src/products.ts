import {
  hessianVectorProduct,
  input,
  inputName,
  isFloat,
  jacobianVectorProduct,
  type Value,
} from "@softmax-bench/graph";
import { ModelError, quote } from "./read/error.js";
import { gradientName, type TrainingGraph } from "./training-graph.js";

export interface Products {
  /** The derivatives of the gradients along the direction: outputs `<name>.hvp`. Default: false. */
  readonly hessian?: boolean | undefined;
  /** The derivatives of the loss and of floating-point outputs along it: outputs `<name>.jvp`. Default: false. */
  readonly jacobian?: boolean | undefined;
}

/**
 * A training graph with products of its derivatives and a direction: an input `<name>.direction` for each value that the
 * loss is differentiated with respect to.
 * @throws ModelError if the model has one of these names itself
 */
export function withProducts(
  training: TrainingGraph,
  { hessian = false, jacobian = false }: Products,
): TrainingGraph {
  const wrt = [...training.gradients.keys()];
  const gradients = [...training.gradients.values()];
  const directions = wrt.map((value) => input(`${inputName(value)}.direction`, value.dtype, value.shape));
  const ofGradients = new Set(wrt.map((value) => gradientName(inputName(value))));
  const results = Object.entries(training.outputs).filter(
    ([name, value]) => isFloat(value) && !ofGradients.has(name),
  );
  const seconds = hessian ? hessianVectorProduct(gradients, wrt, directions) : [];
  const named: (readonly [string, Value])[] = [
    ...seconds.map((value, at) => [`${inputName(wrt[at] as Value)}.hvp`, value] as const),
    ...(jacobian ? results : []).map(
      ([name, value]) => [`${name}.jvp`, jacobianVectorProduct(value, wrt, directions)] as const,
    ),
  ];
  const taken = new Set([...training.inputs.map(inputName), ...Object.keys(training.outputs)]);
  const clash = [...directions.map(inputName), ...named.map(([name]) => name)].find((name) =>
    taken.has(name),
  );
  if (clash !== undefined) {
    throw new ModelError(`the model has a ${quote(clash)} of its own, which the products need`);
  }
  return {
    ...training,
    inputs: [...training.inputs, ...directions],
    outputs: { ...training.outputs, ...Object.fromEntries(named) },
  };
}
