import { chooseCheckpoints as choose, type Value } from "@softmax-bench/graph";
import { ModelError, quote } from "./read/error.js";
import type { ReadGraph } from "./read/graph.js";
import type { TrainingGraph } from "./training-graph.js";

/** The inputs of a model that are not parameters. */
export function dataInputs({ inputs, parameters }: ReadGraph): Value[] {
  const trained = new Set(parameters.values());
  return inputs.filter((value) => !trained.has(value));
}

/**
 * The values between which the backward pass computes all others again: the model's inputs, and the named ones.
 * @throws ModelError if there is no such value, or it is a parameter or a constant, which are kept anyway
 */
export function findCheckpoints(model: ReadGraph, names: readonly string[]): Value[] {
  const named = names.map((name) => {
    const value = model.values?.get(name) ?? model.parameters.get(name);
    if (!value) throw new ModelError(`there is no value ${quote(name)} in the model to keep as a checkpoint`);
    if (value.node.op === "Input" || value.node.op === "Constant") {
      throw new ModelError(
        `${quote(name)} is kept anyway: a checkpoint is a value that the model computes from its inputs`,
      );
    }
    return value;
  });
  return [...dataInputs(model), ...named];
}

/**
 * Names of values that are good checkpoints of a training graph, about √n for n equal layers; none if they would save
 * nothing. See `chooseCheckpoints` of `@softmax-bench/graph`.
 * @param training the model's training graph without checkpoints
 */
export function chooseCheckpoints(model: ReadGraph, { outputs, gradients }: TrainingGraph): string[] {
  const names = new Map([...(model.values ?? [])].map(([name, value]) => [value, name]));
  const { loss } = outputs;
  if (!loss) return [];
  const chosen = choose({
    result: loss,
    gradients: [...gradients.values()],
    wrt: [...gradients.keys()],
    inputs: dataInputs(model),
    candidates: names.keys(),
  });
  return chosen.map((value) => names.get(value) as string);
}
