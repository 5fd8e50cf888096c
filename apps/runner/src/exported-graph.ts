import {
  type GradientTask,
  lossAndGradientGraph,
  type MethodId,
  methodHead,
  methodOf,
  programFor,
} from "@softmax-bench/core";
import type { Graph, Value } from "@softmax-bench/graph";
import { crossEntropyHead, type Model, quoted, trainingGraph } from "@softmax-bench/onnx";
import { UsageError } from "./errors.js";

/** Which part of a method's computation a model has. */
export const PARTS = ["forward", "backward", "both"] as const;
export type Part = (typeof PARTS)[number];

/** Loss, gradient or both of a method, as a graph. */
export function methodGraph(task: GradientTask, part: Part): Graph {
  const program = programFor(task);
  const { summary } = methodOf(task.method).formulation;
  const whole = part === "forward" ? program.forward : lossAndGradientGraph(program);
  const { loss, gradient } = whole.outputs;
  const outputs =
    part === "backward" && gradient ? { gradient } : { ...(loss && { loss }), ...(gradient && { gradient }) };
  return {
    ...whole,
    outputs,
    description: `Softmax cross-entropy by ${task.method} (${summary}): logits [N, C] and labels [N] to ${Object.keys(outputs).join(" and ")}, the mean over rows.`,
  };
}

/** The loss that ONNX has an operator for. */
export const CROSS_ENTROPY = "softmax-cross-entropy";

export interface TrainingRequest {
  /** `softmax-cross-entropy`, or a method of this project. */
  readonly loss: typeof CROSS_ENTROPY | MethodId;
  /** Names of parameters; undefined for all. */
  readonly wrt: readonly string[] | undefined;
  /** Name of an output. */
  readonly logits: string | undefined;
}

/** A model's training graph, for the sizes that it leaves open. */
export function modelGraph(
  model: Model,
  sizes: Readonly<Record<string, number>>,
  { loss, wrt, logits }: TrainingRequest,
): Graph {
  const head = loss === CROSS_ENTROPY ? crossEntropyHead : (of: Value) => methodHead(loss, of);
  return trainingGraph(model.graph(sizes), { head, wrt, logits });
}

/** Names out of a file; those that could do something to a terminal are quoted. */
export const listed = (names: readonly string[]): string => {
  const shown = names.slice(0, 12).map((name) => (/^[\w.:/-]{1,80}$/.test(name) ? name : quoted(name)));
  return names.length > 12 ? `${shown.join(", ")} and ${names.length - 12} more` : shown.join(", ");
};

/**
 * The sizes that a model leaves open, for a batch of one size.
 * @param given sizes by name; the one that is left is the batch
 * @returns undefined for the batch if the model leaves no size open that is not given
 * @throws UsageError if more than one is left
 */
export function openBatch(model: Model, given: Readonly<Record<string, number>>): string | undefined {
  const open = new Set(model.inputs.flatMap(({ shape }) => shape.filter((size) => typeof size === "string")));
  const unknown = Object.keys(given).find((name) => !open.has(name));
  if (unknown !== undefined) {
    throw new UsageError(
      `the model leaves no size ${quoted(unknown)} open; it leaves ${listed([...open]) || "none"}`,
    );
  }
  const left = [...open].filter((name) => !Object.hasOwn(given, name));
  if (left.length > 1) {
    throw new UsageError(
      `the model leaves the sizes ${listed(left)} open; give all but the batch's, e.g. --size ${listed(left.slice(1, 2))}=8`,
    );
  }
  return left[0];
}
