import type { FloatArray } from "../float-array.js";

/** Counts the entries that are NaN or infinite. */
export function countNonFinite(values: FloatArray): number {
  let count = 0;
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) count++;
  }
  return count;
}
