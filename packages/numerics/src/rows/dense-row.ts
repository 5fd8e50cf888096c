import { add, type DoubleDouble, divide, fromNumber, multiply, negate } from "../double-double/arithmetic.js";
import { type DoubleDoubleArray, entry, scale, setEntry, sumOfNonNegative } from "../double-double/array.js";
import { EXP_SCALE, exponentiate } from "../double-double/exp.js";
import { log1p } from "../double-double/log.js";
import type { FloatArray } from "../float-array.js";
import { subtractLargest, timesLoss, unscale } from "./row.js";

/**
 * Loss and gradient of a row whose targets q are spread over the classes: with p its softmax and Q = sum q,
 *
 *     loss = Q ln sum_j e^(x_j - max) + sum_j q_j (max - x_j)        gradient_j = p_j Q - q_j
 *
 * All terms of the loss are non-negative. The gradient is computed as p_j (Q - q_j) - q_j (1 - p_j), whose two terms
 * are accurate to a few 2^-104 of themselves: the difference Q - q_j is computed as the sum of the others if q_j is the
 * largest, and cannot cancel otherwise. A class with q_j = 0 and a logit of -Infinity adds nothing.
 *
 * @param q the row's targets, none negative
 * @param share factor of the gradient
 * @param work receives the gradient
 */
export function denseRow(
  logits: FloatArray,
  q: DoubleDoubleArray,
  share: DoubleDouble,
  work: DoubleDoubleArray,
): DoubleDouble {
  subtractLargest(logits, work);
  const below = sumOfDistances(work, q);
  // Its exponential is exactly 1; others may round to it.
  const largest = indexOfLargest(work);
  exponentiate(work, 0, logits.length);
  const exponentials = sumWithout(work, largest);
  const targets = sumWithout(q, indexOfLargest(q));
  const logSum = log1p(unscale(exponentials.others));
  const loss = below.hi === Number.POSITIVE_INFINITY ? below : add(timesLoss(logSum, targets.total), below);

  for (let j = 0; j < logits.length; j++) {
    const e = entry(work, j);
    const t = entry(q, j);
    const otherTargets = j === targets.index ? targets.others : add(targets.total, negate(t));
    const otherExponentials =
      j === exponentials.index ? exponentials.others : add(exponentials.total, negate(e));
    setEntry(work, j, add(multiply(e, otherTargets), negate(multiply(t, otherExponentials))));
  }
  scale(work, 0, logits.length, divide(share, unscale(exponentials.total)), 1 / EXP_SCALE);
  return loss;
}

/** sum_j q_j (max - x_j), from the shifted logits x_j - max. */
function sumOfDistances(shifted: DoubleDoubleArray, q: DoubleDoubleArray): DoubleDouble {
  let sum = fromNumber(0);
  for (let j = 0; j < q.hi.length; j++) {
    if (q.hi[j] === 0 || shifted.hi[j] === 0) continue;
    if (shifted.hi[j] === Number.NEGATIVE_INFINITY) return fromNumber(Number.POSITIVE_INFINITY);
    sum = add(sum, negate(multiply(entry(q, j), entry(shifted, j))));
  }
  return sum;
}

interface SumWithout {
  readonly total: DoubleDouble;
  readonly index: number;
  /** The sum of all entries except the one at `index`. */
  readonly others: DoubleDouble;
}

function sumWithout(values: DoubleDoubleArray, index: number): SumWithout {
  const others = add(
    sumOfNonNegative(values, 0, index),
    sumOfNonNegative(values, index + 1, values.hi.length),
  );
  return { total: add(others, entry(values, index)), index, others };
}

function indexOfLargest({ hi }: DoubleDoubleArray): number {
  let index = 0;
  for (let j = 1; j < hi.length; j++) if ((hi[j] as number) > (hi[index] as number)) index = j;
  return index;
}
