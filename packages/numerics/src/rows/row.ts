import { type DoubleDouble, divide, multiply } from "../double-double/arithmetic.js";
import type { DoubleDoubleArray } from "../double-double/array.js";
import { sumError } from "../double-double/error-free.js";
import { EXP_SCALE } from "../double-double/exp.js";
import type { FloatArray } from "../float-array.js";

/** Helpers shared by the kernels of rows. */

/** Work space for one row; it stays in cache, unlike a matrix. */
export const newRow = (classes: number): DoubleDoubleArray => ({
  hi: new Float64Array(classes),
  lo: new Float64Array(classes),
});

/** shifted[i] = logits[i] - (largest logit of the row), exactly. */
export function subtractLargest(logits: FloatArray, shifted: DoubleDoubleArray): void {
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

/** Removes the scale factor of `exponentiate` from a sum of exponentials. */
export function unscale(value: DoubleDouble): DoubleDouble {
  return { hi: value.hi / EXP_SCALE, lo: value.lo / EXP_SCALE };
}

/** Below this, products and quotients are computed on scaled-up values: their tails stay above the subnormals. */
const TINY = 2 ** -400;

const scaledUp = ({ hi, lo }: DoubleDouble): DoubleDouble => ({ hi: hi * EXP_SCALE, lo: lo * EXP_SCALE });

/** a * b for a loss a of any size, and a factor b of ordinary size. An infinite loss times 0 is 0. */
export function timesLoss(a: DoubleDouble, b: DoubleDouble): DoubleDouble {
  if (a.hi === Number.POSITIVE_INFINITY) return b.hi === 0 ? b : a;
  return Math.abs(a.hi) < TINY ? unscale(multiply(scaledUp(a), b)) : multiply(a, b);
}

/** a / b for a loss a of any size, and a divisor b of ordinary size. */
export const overDivisor = (a: DoubleDouble, b: DoubleDouble): DoubleDouble =>
  Math.abs(a.hi) < TINY ? unscale(divide(scaledUp(a), b)) : divide(a, b);
