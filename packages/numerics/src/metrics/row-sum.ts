import { sumError } from "../double-double/error-free.js";
import type { FloatArray } from "../float-array.js";

/** The row of a gradient whose entries are farthest from adding up to 0. */
export interface RowSum {
  readonly row: number;
  /** |sum_j g_ij|, summed with compensation (Neumaier); Infinity if an entry is NaN or infinite. */
  readonly residual: number;
}

/**
 * The largest |sum_j g_ij| of all rows. The rows of an exact softmax cross-entropy gradient sum to 0.
 *
 * @param gradient rows x classes, row-major; its length must be a multiple of `classes`.
 */
export function worstRowSum(gradient: FloatArray, classes: number): RowSum {
  let largest: RowSum = { row: 0, residual: 0 };
  for (let start = 0; start < gradient.length; start += classes) {
    const residual = Math.abs(rowSum(gradient, start, start + classes));
    const row = start / classes;
    if (!Number.isFinite(residual)) return { row, residual: Number.POSITIVE_INFINITY };
    if (residual > largest.residual) largest = { row, residual };
  }
  return largest;
}

/** The residual of `worstRowSum`. */
export const largestRowSum = (gradient: FloatArray, classes: number): number =>
  worstRowSum(gradient, classes).residual;

function rowSum(gradient: FloatArray, start: number, end: number): number {
  let sum = 0;
  let tail = 0;
  for (let i = start; i < end; i++) {
    const value = gradient[i] as number;
    const next = sum + value;
    tail += sumError(sum, value, next);
    sum = next;
  }
  return sum + tail;
}
