import {
  chooseCheckpoints as choose,
  dependents,
  type Graph,
  topologicalOrder,
  type Value,
} from "@softmax-bench/graph";
import { ModelError, quote } from "./read/error.js";
import type { ReadGraph } from "./read/graph.js";

/** The inputs of a model that are not parameters. */
function dataInputs({ inputs, parameters }: ReadGraph): Value[] {
  const trained = new Set(parameters.values());
  return inputs.filter((value) => !trained.has(value));
}

/**
 * The values between which the backward pass computes all others again: the model's inputs, and the named ones.
 * @param loss what is differentiated
 * @param wrt what it is differentiated with respect to
 * @throws ModelError if there is no such value, it is an input or a constant, or no gradient flows through it
 */
export function findCheckpoints(
  model: ReadGraph,
  names: readonly string[],
  { loss, wrt }: { readonly loss: Value; readonly wrt: Iterable<Value> },
): Value[] {
  const forward = topologicalOrder([loss]);
  const known = new Set(forward);
  const trained = dependents(forward, [...wrt]);
  const named = names.map((name) => {
    const value = model.values?.get(name) ?? model.parameters.get(name);
    if (!value) throw new ModelError(`there is no value ${quote(name)} in the model to keep as a checkpoint`);
    if (value.node.op === "Input" || value.node.op === "Constant") {
      throw new ModelError(
        `${quote(name)} is kept anyway: a checkpoint is a value that the model computes from its inputs`,
      );
    }
    if (!known.has(value.node) || !trained.has(value.node)) {
      throw new ModelError(
        `no gradient flows through ${quote(name)}: as a checkpoint, it would save nothing`,
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
export function chooseCheckpoints(
  model: ReadGraph,
  { outputs, gradients }: Graph & { readonly gradients: ReadonlyMap<Value, Value> },
): string[] {
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
