import { sumError } from "../double-double/error-free.js";
import type { FloatArray } from "../float-array.js";

/**
 * max over rows of |sum_j g_ij|, each row summed with compensation (Neumaier). The rows of an exact
 * softmax cross-entropy gradient sum to 0. Infinity if any entry is NaN or infinite.
 *
 * @param gradient rows x classes, row-major; its length must be a multiple of `classes`.
 */
export function largestRowSum(gradient: FloatArray, classes: number): number {
  let largest = 0;
  for (let start = 0; start < gradient.length; start += classes) {
    const magnitude = Math.abs(rowSum(gradient, start, start + classes));
    if (!Number.isFinite(magnitude)) return Number.POSITIVE_INFINITY;
    if (magnitude > largest) largest = magnitude;
  }
  return largest;
}

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
