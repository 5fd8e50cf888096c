import { add, type DoubleDouble, divide, fromNumber, multiply } from "./double-double/arithmetic.js";
import { type DoubleDoubleArray, setEntry } from "./double-double/array.js";
import { type Problem, requireValid } from "./problem.js";
import { denseRow } from "./rows/dense-row.js";
import { labelGradient, labelLoss } from "./rows/label-row.js";
import { newRow, overDivisor, timesLoss } from "./rows/row.js";
import { DenseTargets, meanDivisor } from "./rows/targets.js";

/** The exact result, to about 100 bits, with which computed losses and gradients are compared. */
export interface Reference {
  /** Rows of the gradient: all, or the requested ones. */
  readonly rows: number;
  readonly classes: number;
  /** The loss in nats, as unevaluated sums hi + lo: one entry, or one per row of the problem for reduction "none". */
  readonly loss: DoubleDoubleArray;
  /** d loss / d logits: rows x classes, row-major, as unevaluated sums hi + lo. */
  readonly gradient: DoubleDoubleArray;
}

/**
 * Softmax cross-entropy and its gradient in double-double arithmetic. With labels t alone,
 *
 *     loss = 1/N sum_i (ln sum_j e^x_ij - x_it)        gradient_ij = (softmax(x_i)_j - [j = t]) / N
 *
 * and the general case in terms of each row's targets q (see `DenseTargets`), weighted and reduced as PyTorch does.
 *
 * For labels without smoothing nothing cancels. At the target, softmax - 1 is computed as minus the sum of the other
 * probabilities; a row whose target is its largest logit has loss ln(1 + that sum), with full relative accuracy. The
 * error of the loss and of each gradient entry is below 2^-95 of it, plus 2^-1074 from underflow. Sums over long rows
 * add at most 3 * 2^-106 per class to that, far less in practice. For smoothed labels and probabilities, where p_j Q
 * and q_j may agree in any number of digits, the gradient's error is below 2^-95 of p_j (Q - q_j) + q_j (1 - p_j), for
 * targets that are 0 or at least 2^-900.
 *
 * A logit of -Infinity (a masked class) has probability 0; if its target is above 0, the loss is Infinity; if it is 0,
 * the class adds nothing (PyTorch multiplies 0 by Infinity, which is NaN, unless the targets are labels without
 * weights). A row with a NaN or +Infinity logit, or with only -Infinity, has a NaN gradient and makes the loss NaN. An
 * ignored row has no loss and a gradient of 0, whatever its logits. If the mean's weights sum to 0, the mean and the
 * gradient of every row that is not ignored are NaN.
 *
 * @param gradientRows the rows whose gradient is kept, ascending; all by default. Loss and gradient always refer to the
 * loss of all rows.
 * @throws RangeError if the parts of the problem do not fit each other.
 */
export function oracle(problem: Problem, gradientRows?: Int32Array): Reference {
  requireValid(problem);
  const { rows, classes, logits, labels, weights, ignoreIndex, labelSmoothing = 0 } = problem;
  const { reduction = "mean", upstream } = problem;
  const kept = gradientRows?.length ?? rows;
  const gradient = newRow(kept * classes);
  const losses = newRow(reduction === "none" ? rows : 1);
  const divisor = reduction === "mean" ? meanDivisor(problem) : fromNumber(1);
  const dense = labels instanceof Int32Array && labelSmoothing === 0 ? undefined : new DenseTargets(problem);
  const share = divisor.hi === 0 ? fromNumber(Number.NaN) : divide(fromNumber(1), divisor);
  const work = newRow(classes);
  const total = new Total();
  let position = 0;

  for (let row = 0; row < rows; row++) {
    const wanted = gradientRows === undefined || gradientRows[position] === row;
    const label = labels instanceof Int32Array ? (labels[row] as number) : undefined;
    if (label !== undefined && label === ignoreIndex) {
      if (wanted) position++;
      continue;
    }
    const rowLogits = logits.subarray(row * classes, (row + 1) * classes);
    const rowShare = upstream ? fromNumber(upstream[row] as number) : share;
    let loss: DoubleDouble;
    if (dense) {
      loss = denseRow(rowLogits, dense.of(row), rowShare, work);
    } else {
      const target = label as number;
      const weight = weights && fromNumber(weights[target] as number);
      const known = labelLoss(rowLogits, target, work);
      loss = weight ? timesLoss(known.loss, weight) : known.loss;
      if (wanted) labelGradient(known, target, weight ? multiply(rowShare, weight) : rowShare, work);
    }
    if (reduction === "none") setEntry(losses, row, loss);
    else total.add(loss);
    if (!wanted) continue;
    gradient.hi.set(work.hi, position * classes);
    gradient.lo.set(work.lo, position * classes);
    position++;
  }
  if (reduction !== "none") setEntry(losses, 0, total.over(divisor));
  return { rows: kept, classes, loss: losses, gradient };
}

/** The limit of exact double-double operations; beyond it they become inexact or turn Infinity into NaN. */
const LARGEST_SPLITTABLE = 2 ** 990;

/** A sum of losses; one that is non-finite or beyond float64 splitting falls back to its float64 sum. */
class Total {
  #exact = fromNumber(0);
  #rounded = 0;

  add(loss: DoubleDouble): void {
    this.#exact = add(this.#exact, loss);
    this.#rounded += loss.hi;
  }

  over(divisor: DoubleDouble): DoubleDouble {
    if (divisor.hi === 0) return fromNumber(Number.NaN);
    return this.#rounded < LARGEST_SPLITTABLE
      ? overDivisor(this.#exact, divisor)
      : fromNumber(this.#rounded / divisor.hi);
  }
}
