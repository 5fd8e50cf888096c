import { add, labelWeights, mul, neg, oneHot, reshape, scalar, sub, type Value } from "@softmax-bench/graph";
import type { LossInputs } from "./formulation.js";
import { classesOf, rowSum } from "./terms.js";

/** What the rows are labelled with, in the one form that all options come down to (see `LossOptions`). */
export interface Targets {
  /** q: what each negative log-probability counts in its row's loss, `[N, C]`. */
  readonly q: Value;
  /** Σ_c q_c of each row, `[N, 1]`; undefined where it is 1 for every row. */
  readonly total: Value | undefined;
  /** Rows of zeros with a one at the label, `[N, C]`; undefined for probabilities. */
  readonly oneHot: Value | undefined;
}

/** Whether a label counts at its own class and nowhere else. */
export const isConcentrated = ({ options: { targets, labelSmoothing } }: LossInputs): boolean =>
  targets === "labels" && labelSmoothing === 0;

/** Whether every row counts 1: there is nothing but labels. */
const isPlain = (inputs: LossInputs): boolean =>
  isConcentrated(inputs) && !inputs.weights && inputs.options.ignoreIndex === undefined;

export function targetsOf(inputs: LossInputs): Targets {
  const { logits, labels, options } = inputs;
  const ones = options.targets === "labels" ? oneHot(labels, classesOf(logits), logits.dtype) : undefined;
  if (ones && isPlain(inputs)) return { q: ones, total: undefined, oneHot: ones };
  const q = effectiveTargets(inputs);
  return { q, total: rowSum(q), oneHot: ones };
}

function effectiveTargets(inputs: LossInputs): Value {
  const { logits, labels, weights, options } = inputs;
  const { dtype } = logits;
  const classes = classesOf(logits);
  const weigh = (x: Value) => (weights ? mul(x, reshape(weights, [1, classes])) : x);
  if (options.targets === "probabilities") return weigh(smooth(labels, options.labelSmoothing, classes));
  if (isConcentrated(inputs)) return labelWeights(labels, classes, dtype, { weights, ...options });
  const smoothed = smooth(oneHot(labels, classes, dtype), options.labelSmoothing, classes);
  return mul(weigh(smoothed), rowSum(labelWeights(labels, classes, dtype, { ...options })));
}

/** t (1 − ε) + ε/C. */
function smooth(t: Value, epsilon: number, classes: number): Value {
  if (epsilon === 0) return t;
  return add(mul(t, scalar(1 - epsilon, t.dtype)), scalar(epsilon / classes, t.dtype));
}

/** What each row counts by its label alone, `[N, 1]`: the label's weight, 0 if it is ignored. */
export function countedOf(inputs: LossInputs): Value | undefined {
  const { logits, labels, weights, options } = inputs;
  if (options.targets === "probabilities") return undefined;
  if (!weights && options.ignoreIndex === undefined) return undefined;
  return rowSum(labelWeights(labels, classesOf(logits), logits.dtype, { weights, ...options }));
}

/** Σ_c q_c (−ln p_c) of each row, `[N, 1]`. */
export const crossEntropies = (logP: Value, { q }: Targets): Value => neg(rowSum(mul(logP, q)));

/** The same from shifted logits z and Σ exp(z): ln Σ exp(z) · Σ q − Σ q z. */
export const shiftedCrossEntropies = (z: Value, logSum: Value, { q, total }: Targets): Value =>
  sub(total ? mul(logSum, total) : logSum, rowSum(mul(z, q)));

/** p Σ q − q: the gradient of each row's loss, `[N, C]`. */
export const rowGradients = (p: Value, { q, total }: Targets): Value => sub(total ? mul(p, total) : p, q);
