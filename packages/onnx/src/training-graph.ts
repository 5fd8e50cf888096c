import {
  differentiate,
  type Graph,
  input,
  isFloat,
  softmaxCrossEntropyLoss,
  type Value,
} from "@softmax-bench/graph";
import { IGNORED_LABEL, withCheckedLabels } from "./checked-labels.js";
import { ModelError, quoted } from "./read/error.js";
import type { ReadGraph } from "./read/graph.js";

/** A loss on top of a model. */
export interface Head {
  /** What it takes besides the logits. */
  readonly inputs: readonly Value[];
  /** A scalar. */
  readonly loss: Value;
  /** Its gradient with respect to the logits, if it is not to be derived. */
  readonly gradient?: Value;
}

/**
 * Softmax cross-entropy of logits `[N, C]` and input `labels` (int64 `[N]`): the mean over the rows whose label is not the
 * ignored one. Labels are checked while it runs (see `withCheckedLabels`).
 *
 * @param ignoreIndex undefined for none
 */
export function crossEntropyHead(logits: Value, ignoreIndex: number | undefined): Head {
  const [rows = 0, classes = 0] = logits.shape;
  const labels = input("labels", "int64", [rows]);
  const { loss } = softmaxCrossEntropyLoss(logits, labels, { ignoreIndex });
  return withCheckedLabels({ inputs: [labels], loss }, classes, ignoreIndex);
}

export interface TrainingOptions {
  /** Default: softmax cross-entropy that ignores rows with label -100, as PyTorch's. */
  readonly head?: (logits: Value) => Head;
  /** Which parameters, or inputs, to differentiate with respect to. Default: all parameters. */
  readonly wrt?: readonly string[] | undefined;
  /** Which output the logits are. Default: the only one. */
  readonly logits?: string | undefined;
}

/** What the gradient with respect to a parameter is called. */
export const gradientName = (parameter: string): string => `${parameter}.grad`;

/**
 * One step of training as a graph: inputs, labels and parameters in; `loss`, the model's own outputs and, for each parameter,
 * `<name>.grad` out.
 * @throws ModelError if there is no such output or parameter, or the output is not `[N, C]`
 */
export function trainingGraph(model: ReadGraph, options: TrainingOptions = {}): Graph {
  const logits = logitsOf(model, options.logits);
  const head = options.head?.(logits) ?? crossEntropyHead(logits, IGNORED_LABEL);
  const wrt = valuesOf(model, options.wrt);
  const gradients = head.gradient
    ? differentiate(logits, [...wrt.values()], head.gradient)
    : differentiate(head.loss, [...wrt.values()]);
  const named = [...wrt.keys()].map(
    (name, index) => [gradientName(name), gradients[index] as Value] as const,
  );
  const inputs = new Set(model.inputs.map(({ node }) => String(node.attributes.name)));
  const taken = new Set([...inputs, ...Object.keys(model.outputs)]);
  const clash = [
    "loss",
    ...named.map(([name]) => name),
    ...head.inputs.map(({ node }) => String(node.attributes.name)),
  ].find((name) => taken.has(name));
  if (clash)
    throw new ModelError(`the model has a ${quoted(clash)} of its own, which the training graph needs`);
  return {
    name: `${model.name} with gradients`,
    description: `Loss of ${model.name}, and its gradient with respect to ${named.length} values: ${wrt.size > 8 ? "…" : [...wrt.keys()].join(", ")}`,
    inputs: [...model.inputs, ...head.inputs],
    // An output that is an input is known to whoever fed it.
    outputs: Object.fromEntries([
      ["loss", head.loss] as const,
      ...Object.entries(model.outputs).filter(([name]) => !inputs.has(name)),
      ...named,
    ]),
  };
}

function logitsOf({ outputs }: ReadGraph, name: string | undefined): Value {
  const names = Object.keys(outputs);
  const floats = names.filter((of) => isFloat(outputs[of] as Value));
  const [only, ...others] = name === undefined ? floats : [name];
  const value = only === undefined || !Object.hasOwn(outputs, only) ? undefined : outputs[only];
  const listed = names.map(quoted).join(", ");
  if (!value || only === undefined)
    throw new ModelError(`there is no output ${quoted(name ?? "of logits")}; there are ${listed}`);
  if (others.length > 0) throw new ModelError(`which output are the logits? There are ${listed}`);
  if (!isFloat(value) || value.shape.length !== 2) {
    throw new ModelError(
      `logits must be floating-point [N, C], output ${quoted(only)} is ${value.dtype}[${value.shape}]`,
    );
  }
  return value;
}

function valuesOf(
  { parameters, inputs }: ReadGraph,
  names: readonly string[] | undefined,
): Map<string, Value> {
  if (!names) return new Map(parameters);
  const known = new Map<string, Value>([
    ...inputs.filter(isFloat).map((value) => [String(value.node.attributes.name), value] as const),
    ...parameters,
  ]);
  return new Map(
    names.map((name) => {
      const value = known.get(name);
      if (!value) {
        const listed = [...known.keys()].slice(0, 20).map(quoted).join(", ");
        throw new ModelError(`there is no parameter ${quoted(name)}; there are ${listed}`);
      }
      return [name, value] as const;
    }),
  );
}
