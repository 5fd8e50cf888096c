import { add, type DoubleDouble, divide, fromNumber, negate } from "../double-double/arithmetic.js";
import { type DoubleDoubleArray, entry, scale, setEntry, sumOfNonNegative } from "../double-double/array.js";
import { EXP_SCALE, exponentiate } from "../double-double/exp.js";
import { log, log1p } from "../double-double/log.js";
import type { FloatArray } from "../float-array.js";
import { subtractLargest, unscale } from "./row.js";

/** A row labelled with one class, in the state between its loss and its gradient. */
export interface LabelRow {
  readonly loss: DoubleDouble;
  /** Sum over j != t of e^(x_j - max), times EXP_SCALE. */
  readonly others: DoubleDouble;
  /** Sum over all j of e^(x_j - max), at least 1. */
  readonly partition: DoubleDouble;
}

/** The loss ln sum_j e^x_j - x_t; leaves the scaled exponentials in `work`. */
export function labelLoss(logits: FloatArray, target: number, work: DoubleDoubleArray): LabelRow {
  subtractLargest(logits, work);
  const margin = entry(work, target);
  exponentiate(work, 0, logits.length);
  const others = add(sumOfNonNegative(work, 0, target), sumOfNonNegative(work, target + 1, logits.length));
  const partition = unscale(add(others, entry(work, target)));
  return { loss: rowLoss(margin, unscale(others), partition), others, partition };
}

/**
 * Turns the exponentials in `work` into `share` times the row's gradient, softmax - [j = t]. Nothing cancels: at the
 * target, it is minus the sum of the other probabilities.
 */
export function labelGradient(
  { others, partition }: LabelRow,
  target: number,
  share: DoubleDouble,
  work: DoubleDoubleArray,
): void {
  setEntry(work, target, others);
  scale(work, 0, work.hi.length, divide(share, partition), 1 / EXP_SCALE);
  setEntry(work, target, negate(entry(work, target)));
}

/**
 * ln sum_j e^x_j - x_t of one row.
 *
 * @param margin x_t - max_j x_j.
 * @param others sum over j != t of e^(x_j - max).
 * @param partition sum over all j of e^(x_j - max), at least 1.
 */
function rowLoss(margin: DoubleDouble, others: DoubleDouble, partition: DoubleDouble): DoubleDouble {
  if (margin.hi === Number.NEGATIVE_INFINITY) return fromNumber(Number.POSITIVE_INFINITY);
  if (margin.hi === 0) return log1p(others);
  return add(log(partition), negate(margin));
}
