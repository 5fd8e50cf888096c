import { setImmediate } from "node:timers/promises";
import { errorBounds, type FormatId } from "@softmax-bench/core";
import { FORMATS, judgeGradient, judgeLoss, oracle, rowTargets, type Scale } from "@softmax-bench/numerics";
import type { BoundRatio, GradientVerdict } from "@softmax-bench/report";
import type { ComputedArray } from "./computed-array.js";
import { worstEntry } from "./gradcheck.js";
import { requireShape } from "./read-array.js";
import type { UserProblem } from "./user-arrays.js";

/** Results of another program. */
export interface Computed {
  readonly gradient: ComputedArray;
  readonly loss: ComputedArray | undefined;
}

export interface JudgeOptions {
  /** Largest distance from the correctly rounded numbers that is within the limit. */
  readonly maxUlp: number;
  /** Stops the comparison between its parts; each takes seconds for ten million entries. */
  readonly signal: AbortSignal;
}

/**
 * Compares a computed gradient, and the loss if there is one, with the oracle.
 * @returns undefined if it was stopped
 * @throws UsageError if a shape does not fit the problem
 */
export async function judgeComputed(
  { rows, classes, inputs, loss }: UserProblem,
  computed: Computed,
  { maxUlp, signal }: JudgeOptions,
): Promise<GradientVerdict | undefined> {
  const { gradient } = computed;
  requireShape(gradient, [rows, classes], "an entry for each logit");
  if (computed.loss) requireLossShape(computed.loss, loss.reduction === "none" ? rows : 1);
  const problem = { rows, classes, ...inputs, ...loss };
  const exact = oracle(problem);
  if (await isStopped(signal)) return undefined;
  const toScale = (format: FormatId): Scale => ({ format: FORMATS[format], maxUlp });
  const judgement = judgeGradient(gradient.data, exact, rowTargets(problem), toScale(gradient.format));
  const boundRatios: BoundRatio[] = [];
  for (const { method, formula } of FORMULAS) {
    if (await isStopped(signal)) return undefined;
    const task = { method, dtype: gradient.format, rows, classes, loss };
    const bounds = errorBounds(task, inputs).gradient;
    boundRatios.push({ method, formula, ratio: worstEntry(gradient.data, exact.gradient.hi, bounds).ratio });
  }
  return {
    rows,
    classes,
    dtype: gradient.format,
    options: loss,
    maxUlp,
    gradient: judgement,
    boundRatios,
    loss: computed.loss && {
      dtype: computed.loss.format,
      ...judgeLoss(computed.loss.data, exact, toScale(computed.loss.format)),
    },
  };
}

/** Gives signals of the system a chance to arrive. */
async function isStopped(signal: AbortSignal): Promise<boolean> {
  await setImmediate();
  return signal.aborted;
}

/** The formulas that others use; bounds on their roundings are known beforehand. */
const FORMULAS = [
  { method: "manual/shifted", formula: "exp(x − max) / Σ − target" },
  { method: "manual/log-softmax", formula: "exp(log-softmax) − target" },
] as const;

/** A single loss may be a scalar, or an array of it. */
function requireLossShape(loss: ComputedArray, count: number): void {
  if (loss.shape.length === 0 && count === 1) return;
  requireShape(loss, [count], count === 1 ? "one loss" : "a loss per row");
}
