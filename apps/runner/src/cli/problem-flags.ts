import type { LossOptions, Reduction } from "@softmax-bench/core";
import type { Command } from "commander";
import { unknownValue } from "../plan/unknown-value.js";
import { UsageError } from "../terminal/errors.js";
import type { UserArrays } from "../user-gradient/user-arrays.js";
import { parseIgnoreIndex } from "./command.js";

const REDUCTIONS: readonly Reduction[] = ["mean", "sum", "none"];

/** Flags that describe a user's softmax cross-entropy. */
export interface ProblemFlags extends UserArrays {
  readonly reduction: string;
  readonly ignoreIndex?: string;
  readonly labelSmoothing: string;
}

/** Adds `ProblemFlags` to a command. */
export const withProblem = (command: Command): Command =>
  command
    .requiredOption("--logits <file|json>", "floating-point, [N, C]; e.g. --logits '[[1, 2, 3]]'")
    .requiredOption("--labels <file|json>", "class indices [N], or probabilities [N, C]; e.g. --labels t.npy")
    .option("--weights <file|json>", "class weights [C]; e.g. --weights '[1, 2, 0.5]'")
    .option("--reduction <name>", `${REDUCTIONS.join(", ")}; e.g. --reduction sum`, "mean")
    .option(
      "--upstream <file|json>",
      "for --reduction none: upstream gradient [N] (default: ones); e.g. --upstream u.npy",
    )
    .option("--ignore-index <n>", "rows with this label have no loss; e.g. --ignore-index -100")
    .option("--label-smoothing <x>", "between 0 and 1; e.g. --label-smoothing 0.1", "0");

/** @throws UsageError if one of the flags has no valid value */
export const toLossOptions = ({
  reduction,
  ignoreIndex,
  labelSmoothing,
}: ProblemFlags): Pick<LossOptions, "reduction" | "ignoreIndex" | "labelSmoothing"> => ({
  reduction: parseReduction(reduction),
  ignoreIndex: ignoreIndex === undefined ? undefined : parseIgnoreIndex(ignoreIndex),
  labelSmoothing: parseLabelSmoothing(labelSmoothing),
});

function parseReduction(value: string): Reduction {
  const reduction = REDUCTIONS.find((known) => known === value);
  if (!reduction) throw unknownValue("reduction", value, REDUCTIONS);
  return reduction;
}

function parseLabelSmoothing(value: string): number {
  const smoothing = Number(value);
  if (value.trim() === "" || !(smoothing >= 0 && smoothing <= 1)) {
    throw new UsageError(`--label-smoothing takes a number between 0 and 1, got ${JSON.stringify(value)}`);
  }
  return smoothing;
}
