import {
  add,
  equal,
  gatherElements,
  labelWeights,
  mul,
  neg,
  oneHot,
  readableLabels,
  reshape,
  scalar,
  sub,
  type Value,
  where,
} from "@softmax-bench/graph";
import type { LossInputs } from "./formulation.js";
import { classesOf, rowSum, rowsOf } from "./terms.js";

/** The targets of the rows, in one form for all options (see `LossOptions`). */
export interface Targets {
  /** q: the weight of each negative log-probability in its row's loss, `[N, C]`. */
  readonly q: Value;
  /** Σ_c q_c of each row, `[N, 1]`; undefined if it is 1 for every row. */
  readonly total: Value | undefined;
  /** Rows of zeros with a one at the label, `[N, C]`; undefined for probabilities. */
  readonly oneHot: Value | undefined;
  /** Σ_c q_c x_c of each row, `[N, 1]`, for x `[N, C]`. A class whose target is 0 adds nothing, even where x is −∞. */
  readonly weightedSum: (x: Value) => Value;
}

/** True if a label counts at its own class and nowhere else. */
export const isConcentrated = ({ options: { targets, labelSmoothing } }: LossInputs): boolean =>
  targets === "labels" && labelSmoothing === 0;

/** True if every row counts 1: there are only labels. */
export const isPlain = (inputs: LossInputs): boolean =>
  isConcentrated(inputs) && !inputs.weights && inputs.options.ignoreIndex === undefined;

export function buildTargets(inputs: LossInputs): Targets {
  const { logits, labels, options } = inputs;
  const ones = options.targets === "labels" ? oneHot(labels, classesOf(logits), logits.dtype) : undefined;
  const q = ones && isPlain(inputs) ? ones : effectiveTargets(inputs);
  return {
    q,
    total: q === ones ? undefined : rowSum(q),
    oneHot: ones,
    weightedSum: isConcentrated(inputs)
      ? (x) => timesCounted(gatherElements(x, labelColumn(inputs), 1), inputs)
      : (x) => rowSum(timesWeight(x, q)),
  };
}

/** The labels `[N, 1]` as valid indices for an operator. */
export const labelColumn = ({ logits, labels, options }: LossInputs): Value =>
  reshape(readableLabels(labels, options.ignoreIndex), [rowsOf(logits), 1]);

/** x w, and 0 where w is 0 and x −∞. Other values of x are unchanged: through 0 w, NaN reaches loss and gradient. */
function timesWeight(x: Value, w: Value): Value {
  const zero = scalar(0, x.dtype);
  const finite = where(equal(x, scalar(Number.NEGATIVE_INFINITY, x.dtype)), zero, x);
  return mul(where(equal(w, zero), finite, x), w);
}

/** One value per row `[N, 1]`, times the row's weight. */
export function timesCounted(x: Value, inputs: LossInputs): Value {
  const counted = buildRowWeights(inputs);
  return counted ? timesWeight(x, counted) : x;
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

/** The weight of each row by its label alone, `[N, 1]`: the label's weight, 0 if it is ignored. */
export function buildRowWeights(inputs: LossInputs): Value | undefined {
  const { logits, labels, weights, options } = inputs;
  if (options.targets === "probabilities") return undefined;
  if (!weights && options.ignoreIndex === undefined) return undefined;
  return rowSum(labelWeights(labels, classesOf(logits), logits.dtype, { weights, ...options }));
}

/** Σ_c q_c (−ln p_c) of each row, `[N, 1]`. */
export const crossEntropies = (logP: Value, { weightedSum }: Targets): Value => neg(weightedSum(logP));

/** The same from shifted logits z and Σ exp(z): ln Σ exp(z) · Σ q − Σ q z. */
export const shiftedCrossEntropies = (z: Value, logSum: Value, { total, weightedSum }: Targets): Value =>
  sub(total ? mul(logSum, total) : logSum, weightedSum(z));

/** p Σ q − q: the gradient of each row's loss, `[N, C]`. */
export const rowGradients = (p: Value, { q, total }: Targets): Value => sub(total ? mul(p, total) : p, q);
