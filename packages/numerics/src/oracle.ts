import { add, type DoubleDouble, divide, fromNumber, multiply, negate } from "./double-double/arithmetic.js";
import { type DoubleDoubleArray, entry, scale, setEntry, sumOfNonNegative } from "./double-double/array.js";
import { sumError } from "./double-double/error-free.js";
import { EXP_SCALE, exponentiate } from "./double-double/exp.js";
import { log, log1p } from "./double-double/log.js";

/** The exact answer, to about 100 bits, that computed losses and gradients are compared with. */
export interface Reference {
  /** Rows of the gradient: all, or those that were asked for. */
  readonly rows: number;
  readonly classes: number;
  /** Mean loss in nats, as the unevaluated sum hi + lo. */
  readonly loss: DoubleDouble;
  /** d loss / d logits: rows x classes, row-major, as unevaluated sums hi + lo. */
  readonly gradient: DoubleDoubleArray;
}

/**
 * Mean-reduced softmax cross-entropy and its gradient in double-double arithmetic, taking every logit as
 * an exact real number:
 *
 *     loss = 1/N sum_i (ln sum_j e^x_ij - x_it)        gradient_ij = (softmax(x_i)_j - [j = t]) / N
 *
 * Nothing cancels. At the target, softmax - 1 is computed as minus the sum of the other probabilities; a
 * row whose target is its largest logit has loss ln(1 + that sum), with full relative accuracy. The error
 * of the loss and of each gradient entry is below 2^-95 of it, plus 2^-1074 from underflow. Sums over
 * long rows add at most 3 * 2^-106 per class to that, far less in practice.
 *
 * A logit of -Infinity (a masked class) has probability 0; at the target it makes the loss Infinity.
 * A row with a NaN or +Infinity logit, or with only -Infinity, has a NaN gradient and makes the loss NaN.
 *
 * @param logits rows x classes, row-major.
 * @param labels one class index per row, 0 <= label < classes.
 * @param gradientRows the rows whose gradient is kept, ascending; all by default. The loss is of all rows,
 * and the gradient is that of its mean over all rows, either way.
 * @throws RangeError if rows or classes is not a positive integer, a length does not match them, or a
 * label is out of range.
 */
export function oracle(
  logits: Float32Array | Float64Array,
  labels: Int32Array,
  rows: number,
  classes: number,
  gradientRows?: Int32Array,
): Reference {
  requireMatchingShapes(logits, labels, rows, classes);
  const kept = gradientRows?.length ?? rows;
  const gradient = { hi: new Float64Array(kept * classes), lo: new Float64Array(kept * classes) };
  // One row of work space stays in cache, where a matrix would not.
  const work = { hi: new Float64Array(classes), lo: new Float64Array(classes) };
  let position = 0;
  let totalLoss = fromNumber(0);
  let roundedTotalLoss = 0;

  for (let row = 0; row < rows; row++) {
    const target = labels[row] as number;
    subtractLargest(logits.subarray(row * classes, (row + 1) * classes), work);
    const margin = entry(work, target);
    exponentiate(work, 0, classes);
    const others = add(sumOfNonNegative(work, 0, target), sumOfNonNegative(work, target + 1, classes));
    const partition = add(others, entry(work, target));

    const loss = rowLoss(margin, unscaled(others), unscaled(partition));
    totalLoss = add(totalLoss, loss);
    roundedTotalLoss += loss.hi;

    if (gradientRows !== undefined && gradientRows[position] !== row) continue;
    setEntry(work, target, others);
    const factor = divide(fromNumber(1), multiply(unscaled(partition), fromNumber(rows)));
    scale(work, 0, classes, factor, 1 / EXP_SCALE);
    setEntry(work, target, negate(entry(work, target)));
    gradient.hi.set(work.hi, position * classes);
    gradient.lo.set(work.lo, position * classes);
    position++;
  }

  return { rows: kept, classes, loss: mean(totalLoss, roundedTotalLoss, rows), gradient };
}

/** shifted[i] = logits[i] - (largest logit of the row), exactly. */
function subtractLargest(logits: Float32Array | Float64Array, shifted: DoubleDoubleArray): void {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i] as number;
    if (logit > largest) largest = logit;
  }
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i] as number;
    const difference = logit - largest;
    shifted.hi[i] = difference;
    shifted.lo[i] = sumError(logit, -largest, difference);
  }
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

function unscaled(value: DoubleDouble): DoubleDouble {
  return { hi: value.hi / EXP_SCALE, lo: value.lo / EXP_SCALE };
}

/** Where double-double operations stop being exact, or make NaN of Infinity. */
const LARGEST_SPLITTABLE = 2 ** 990;

/** total / rows; a total that is non-finite or beyond float64 splitting falls back to its float64 sum. */
function mean(total: DoubleDouble, roundedTotal: number, rows: number): DoubleDouble {
  return roundedTotal < LARGEST_SPLITTABLE
    ? divide(total, fromNumber(rows))
    : fromNumber(roundedTotal / rows);
}

function requireMatchingShapes(
  logits: Float32Array | Float64Array,
  labels: Int32Array,
  rows: number,
  classes: number,
): void {
  for (const [name, size] of Object.entries({ rows, classes })) {
    if (!Number.isInteger(size) || size < 1) {
      throw new RangeError(`Expected ${name} to be a positive integer, got ${size}.`);
    }
  }
  if (logits.length !== rows * classes) {
    throw new RangeError(`Expected ${rows} x ${classes} = ${rows * classes} logits, got ${logits.length}.`);
  }
  if (labels.length !== rows) {
    throw new RangeError(`Expected one label for each of ${rows} rows, got ${labels.length}.`);
  }
  const row = labels.findIndex((label) => label < 0 || label >= classes);
  if (row >= 0) {
    throw new RangeError(
      `Label ${labels[row]} of row ${row} is not a class: expected 0 <= label < ${classes}.`,
    );
  }
}
