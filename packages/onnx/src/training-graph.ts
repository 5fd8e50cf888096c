import {
  differentiate,
  type Graph,
  input,
  inputName,
  isFloat,
  reshape,
  sizeOf,
  softmaxCrossEntropyLoss,
  substitute,
  transpose,
  type Value,
} from "@softmax-bench/graph";
import { IGNORED_LABEL, withCheckedLabels } from "./checked-labels.js";
import { findCheckpoints } from "./checkpoints.js";
import type { Head } from "./head.js";
import { doubtAbout, findLogits, findOutput, resolveClassAxis } from "./logits.js";
import { ModelError, quote } from "./read/error.js";
import type { ReadGraph } from "./read/graph.js";

/**
 * Softmax cross-entropy of logits `[N, C]` and input `labels` (int64 `[N]`): the mean over the rows whose label is not
 * the ignored one. Labels are checked at run time (see `withCheckedLabels`).
 *
 * @param ignoreIndex undefined for none
 */
export function crossEntropyHead(logits: Value, ignoreIndex: number | undefined): Head {
  const [rows = 0, classes = 0] = logits.shape;
  const labels = input("labels", "int64", [rows]);
  const { loss } = softmaxCrossEntropyLoss(logits, labels, { ignoreIndex });
  return withCheckedLabels({ inputs: [labels], loss }, classes, ignoreIndex);
}

/**
 * Applies a head for logits `[N, C]` to logits of any rank, a row for each position on the axes other than the
 * classes': its labels have the shape of the logits without that axis.
 */
export function onRows(logits: Value, classAxis: number, head: (rows: Value) => Head): Head {
  const { shape } = logits;
  if (shape.length === 2 && classAxis === 1) return head(logits);
  const others = [...shape.keys()].filter((axis) => axis !== classAxis);
  const order = [...others, classAxis];
  const outer = others.map((axis) => shape[axis] as number);
  const classes = shape[classAxis] as number;
  const rows = reshape(transpose(logits, order), [sizeOf(outer), classes]);
  const { inputs, loss, upstream, gradient } = head(rows);
  const perRow = inputs.filter((of) => of.shape.length === 1 && of.shape[0] === rows.shape[0]);
  const replaced = new Map(perRow.map((of) => [of, input(inputName(of), of.dtype, outer)] as const));
  const outputs = substitute(
    { name: "head", inputs, outputs: { loss, ...(gradient && { gradient }) } },
    new Map(Array.from(replaced, ([flat, shaped]) => [flat, reshape(shaped, flat.shape)] as const)),
  );
  const inPlace = (ofRows: Value) =>
    transpose(
      reshape(ofRows, [...outer, classes]),
      [...order.keys()].map((axis) => order.indexOf(axis)),
    );
  const made = outputs.loss ?? loss;
  return {
    inputs: inputs.map((of) => replaced.get(of) ?? of),
    loss: made.shape.length === 0 ? made : reshape(made, outer),
    upstream: upstream && (replaced.get(upstream) ?? upstream),
    ...(outputs.gradient && { gradient: inPlace(outputs.gradient) }),
  };
}

/** A loss on an output, or a value inside the model, as it is. */
export interface OutputLoss {
  /** True if it takes logits, and not what comes out of a softmax or a sigmoid. */
  readonly takesLogits: boolean;
  head(output: Value): Head;
}

export interface TrainingOptions {
  /** The head on logits `[N, C]`. Default: softmax cross-entropy that ignores rows with label -100, as in PyTorch. */
  readonly head?: ((logits: Value) => Head) | undefined;
  /** A loss on an output of any shape, in place of a head on logits. */
  readonly loss?: OutputLoss | undefined;
  /** Parameters, or inputs, to differentiate with respect to. Default: all parameters. */
  readonly wrt?: readonly string[] | undefined;
  /** The output, or value inside the model, with the logits. Default: the only output. */
  readonly logits?: string | undefined;
  /** The class axis of the logits. Default: that of the layer that computes them. */
  readonly classAxis?: number | undefined;
  /**
   * Values inside the model that are kept for the backward pass, which computes those between them again. Default: all
   * values are kept.
   */
  readonly checkpoints?: readonly string[] | undefined;
  /** Builds the graph even if the logits are probabilities or of one class, or there are no parameters. */
  readonly force?: boolean | undefined;
}

/** A graph of a loss and of its gradients. */
export interface TrainingGraph extends Graph {
  /** The gradient of each parameter, or input, that the loss was differentiated with respect to. */
  readonly gradients: ReadonlyMap<Value, Value>;
}

/** The name of the gradient with respect to a parameter. */
export const gradientName = (parameter: string): string => `${parameter}.grad`;

/** The name of the output that replaces an input in the next step. */
export const nextName = (name: string): string => `${name}.next`;

/**
 * One step of training as a graph: inputs, labels and parameters in; `loss`, the model's own outputs and, for each
 * parameter, `<name>.grad` out. Running means and variances of a batch normalisation in training mode go in, and come
 * out as `<name>.next`.
 * @throws ModelError if there is no such value or parameter, the class axis cannot be determined, or, without `force`,
 * the logits are not logits or there are no parameters
 */
export function trainingGraph(model: ReadGraph, options: TrainingOptions = {}): TrainingGraph {
  const wrt = findValues(model, options.wrt);
  const { output, head, doubt } = options.loss
    ? lossOnOutput(model, options.loss, options)
    : lossOnLogits(model, options);
  const objection = doubt ?? (wrt.size === 0 ? NO_PARAMETERS : undefined);
  if (objection !== undefined && !options.force) throw new ModelError(objection);
  const [from, upstream] = head.gradient ? [output, head.gradient] : [head.loss, head.upstream];
  const target = { loss: from, wrt: wrt.values() };
  const checkpoints = options.checkpoints && findCheckpoints(model, options.checkpoints, target);
  const gradients = differentiate(from, [...wrt.values()], upstream, checkpoints);
  const named = [...wrt.keys()].map(
    (name, index) => [gradientName(name), gradients[index] as Value] as const,
  );
  const statistics = [...(model.statistics?.values() ?? [])];
  const moved = statistics.map(({ current, next }) => [nextName(inputName(current)), next] as const);
  const inputs = new Set(model.inputs.map(inputName));
  const taken = new Set([...inputs, ...Object.keys(model.outputs)]);
  const clash = [
    "loss",
    ...[...named, ...moved].map(([name]) => name),
    ...head.inputs.map(({ node }) => String(node.attributes.name)),
  ].find((name) => taken.has(name));
  if (clash)
    throw new ModelError(`the model has a ${quote(clash)} of its own, which the training graph needs`);
  return {
    name: `${model.name} with gradients`,
    description: `Loss of ${model.name}, and its gradient with respect to ${named.length} values: ${wrt.size > 8 ? "…" : [...wrt.keys()].join(", ")}`,
    inputs: [...model.inputs, ...statistics.map(({ current }) => current), ...head.inputs],
    // The caller already knows an output that is an input.
    outputs: Object.fromEntries([
      ["loss", head.loss] as const,
      ...Object.entries(model.outputs).filter(([name]) => !inputs.has(name)),
      ...named,
      ...moved,
    ]),
    gradients: new Map([...wrt.values()].map((value, index) => [value, gradients[index] as Value])),
  };
}

/** A loss, and what speaks against it. */
interface Objective {
  /** The value that the loss is on. */
  readonly output: Value;
  readonly head: Head;
  readonly doubt: string | undefined;
}

function lossOnLogits(model: ReadGraph, options: TrainingOptions): Objective {
  const logits = findLogits(model, options.logits);
  const classAxis = resolveClassAxis(logits, options.classAxis);
  const { head = (rows) => crossEntropyHead(rows, IGNORED_LABEL) } = options;
  const doubt = doubtAbout(model, logits, logits.shape[classAxis] as number);
  return { output: logits, head: onRows(logits, classAxis, head), doubt };
}

function lossOnOutput(model: ReadGraph, loss: OutputLoss, { logits }: TrainingOptions): Objective {
  const output = findOutput(model, logits);
  const doubt = loss.takesLogits ? doubtAbout(model, output, undefined) : undefined;
  return { output, head: loss.head(output), doubt };
}

const NO_PARAMETERS =
  "there are no parameters to differentiate with respect to: name inputs or stored tensors (`wrt`), or insist (`force`)";

function findValues(
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
        const listed = [...known.keys()].slice(0, 20).map(quote).join(", ");
        throw new ModelError(`there is no parameter ${quote(name)}; there are ${listed}`);
      }
      return [name, value] as const;
    }),
  );
}
