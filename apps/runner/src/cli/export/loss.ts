import type { LossOptions, MethodId, Reduction } from "@softmax-bench/core";
import { methodHead } from "@softmax-bench/core";
import { constant, inputName, reshape, sizeOf, substitute, tensor, type Value } from "@softmax-bench/graph";
import {
  ELEMENT_LOSSES,
  type ElementLoss,
  elementHead,
  type Head,
  ModelError,
  type TrainingOptions,
  withCheckedLabels,
} from "@softmax-bench/onnx";
import type { Command } from "commander";
import { unknownValue } from "../../plan/unknown-value.js";
import { UsageError } from "../../terminal/errors.js";
import { readArray, requireShape, type UserArray } from "../../user-gradient/read-array.js";
import { parseIgnoreIndex } from "../command.js";
import { parseNumber, toFlag } from "./numbers.js";

/** The losses that ONNX and this project call so. */
const CROSS_ENTROPY: readonly string[] = ["softmax-cross-entropy", "cross-entropy"];
/** The method with the operator that ONNX has for it. */
const OF_LIBRARY: MethodId = "autograd/library";
/** The start of the name of an output that is the loss itself. */
const OUTPUT = "output:";
const REDUCTIONS = ["mean", "sum", "none"] as const;
/** The value of `--ignore-index` for no label. */
export const NO_LABEL = "none";

export interface LossFlags {
  readonly loss?: string;
  readonly ignoreIndex: string;
  readonly labelSmoothing?: string;
  readonly weights?: string;
  readonly reduction?: string;
  readonly delta?: string;
}

/** Flags that only some losses have. */
type Setting = "labelSmoothing" | "weights" | "reduction" | "delta";

/** Adds `LossFlags` to a command, except for `--ignore-index`, which methods have, too. */
export const withLoss = (command: Command): Command =>
  command
    .option(
      "--loss <name>",
      `cross-entropy (default), ${ELEMENT_LOSSES.join(", ")}, ${OUTPUT}<name> for a loss that the model computes itself, or a method of the benchmark; e.g. --loss mse`,
    )
    .option(
      "--label-smoothing <x>",
      "of cross-entropy and methods, between 0 and 1; e.g. --label-smoothing 0.1",
    )
    .option(
      "--weights <file|json>",
      "class weights [C] of cross-entropy and methods; e.g. --weights '[1, 2, 0.5]'",
    )
    .option(
      "--reduction <name>",
      `${REDUCTIONS.join(", ")}, and batchmean for kl (default: mean); with none, input upstream is the gradient of each loss; e.g. --reduction sum`,
    )
    .option("--delta <x>", "where huber becomes linear (default: 1); e.g. --delta 0.5");

/** The parts of a training graph's options that say what the loss is. */
export type Objective = Pick<TrainingOptions, "head" | "loss"> & {
  /** The output with the loss, if the model has it. */
  readonly output?: string;
};

/**
 * The loss that flags describe.
 * @param parseMethod returns the id of a method, or throws
 * @throws UsageError if it is unknown, or a flag is not for it
 */
export function parseLoss(flags: LossFlags, parseMethod: (name: string) => MethodId): Objective {
  const { loss = "cross-entropy" } = flags;
  if (loss.startsWith(OUTPUT)) {
    refuse(flags, ["labelSmoothing", "weights", "reduction", "delta"], loss);
    return { output: loss.slice(OUTPUT.length), loss: { takesLogits: false, head: lossItself } };
  }
  const element = ELEMENT_LOSSES.find((known) => known === loss);
  if (element) return elementLoss(flags, element);
  refuse(flags, ["delta"], loss);
  const method = CROSS_ENTROPY.includes(loss) ? OF_LIBRARY : parseMethod(loss);
  const reduction = parseReduction(flags.reduction ?? "mean", REDUCTIONS);
  const labelSmoothing = parseNumber("--label-smoothing", flags.labelSmoothing) ?? 0;
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new UsageError(`--label-smoothing takes a number between 0 and 1, got "${flags.labelSmoothing}"`);
  }
  const weights =
    flags.weights === undefined
      ? undefined
      : readArray("--weights", flags.weights, { onUntyped: "save them as float32" });
  const options = { reduction, labelSmoothing, ignoreIndex: ignoredLabel(flags.ignoreIndex) };
  return { head: (logits) => rowsHead(method, logits, options, weights) };
}

function elementLoss(flags: LossFlags, loss: ElementLoss): Objective {
  refuse(flags, ["labelSmoothing", "weights", ...(loss === "huber" ? [] : (["delta"] as const))], loss);
  const known = loss === "kl" ? ([...REDUCTIONS, "batchmean"] as const) : REDUCTIONS;
  const reduction = parseReduction(flags.reduction ?? "mean", known);
  const delta = parseNumber("--delta", flags.delta);
  if (delta !== undefined && !(delta > 0))
    throw new UsageError(`--delta takes a number above 0, got ${delta}`);
  return {
    loss: {
      takesLogits: loss === "bce-with-logits",
      head: (output) => elementHead(loss, output, { reduction, delta }),
    },
  };
}

/** A head on logits `[N, C]`, its labels checked at run time. */
export function rowsHead(
  method: MethodId,
  logits: Value,
  options: Partial<LossOptions>,
  weights?: UserArray,
): Head {
  const [, classes = 0] = logits.shape;
  const head = methodHead(method, logits, { ...options, weighted: weights !== undefined });
  const checked = withCheckedLabels(head, classes, options.ignoreIndex);
  return weights ? withWeights(checked, weights, classes) : checked;
}

/** The head with class weights in it, in place of its input. */
function withWeights({ inputs, loss, upstream, gradient }: Head, weights: UserArray, classes: number): Head {
  requireShape(weights, [classes], "a weight per class");
  const given = inputs.find((of) => inputName(of) === "weights");
  const values = Array.from(weights.data, (value) => weights.round(Number(value)));
  const wrong = values.find((value) => !(value >= 0 && Number.isFinite(value)));
  if (wrong !== undefined)
    throw new UsageError(`${weights.name}: expected numbers of 0 or more, got ${wrong}`);
  if (!given) return { inputs, loss, upstream, ...(gradient && { gradient }) };
  const stored = constant(tensor(given.dtype, given.shape, values));
  const outputs = substitute(
    { name: "head", inputs, outputs: { loss, ...(gradient && { gradient }) } },
    new Map([[given, stored]]),
  );
  return {
    inputs: inputs.filter((of) => of !== given),
    loss: outputs.loss ?? loss,
    upstream,
    ...(outputs.gradient && { gradient: outputs.gradient }),
  };
}

/** An output of one number as the loss. */
function lossItself(output: Value): Head {
  if (sizeOf(output.shape) !== 1) {
    throw new ModelError(`a loss is one number, the output is ${output.dtype}[${output.shape}]`);
  }
  return { inputs: [], loss: reshape(output, []) };
}

function parseReduction<T extends Reduction | "batchmean">(name: string, known: readonly T[]): T {
  const found = known.find((reduction) => reduction === name);
  if (!found) throw unknownValue("reduction", name, known);
  return found;
}

function refuse(flags: LossFlags, settings: readonly Setting[], loss: string): void {
  const wrong = settings.find((setting) => flags[setting] !== undefined);
  if (wrong !== undefined) throw new UsageError(`${toFlag(wrong)} is not for --loss ${loss}`);
}

export const ignoredLabel = (text: string): number | undefined =>
  text === NO_LABEL ? undefined : parseIgnoreIndex(text, `a whole number or ${NO_LABEL}`);
