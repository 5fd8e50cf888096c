import type { Value } from "../graph.js";
import { apply, applyAll } from "../op.js";
import type { DType } from "../tensor.js";

/** `start`, `start + delta`, … before `limit`. */
export const range = (start: number, limit: number, delta: number, dtype: DType): Value =>
  apply("Range", [], { start, limit, delta, dtype });

export interface CumSumOptions {
  /** True if each sum excludes the element at its own position. Default: false. */
  readonly exclusive?: boolean | undefined;
  /** True if sums begin at the end. Default: false. */
  readonly reverse?: boolean | undefined;
}

/** Cumulative sums of the elements along an axis. */
export const cumSum = (
  x: Value,
  axis: number,
  { exclusive = false, reverse = false }: CumSumOptions = {},
): Value => apply("CumSum", [x], { axis, exclusive: Number(exclusive), reverse: Number(reverse) });

/** The position of the largest element along an axis, which is kept; the first or last among equal ones. */
export const argMax = (x: Value, axis: number, { last = false } = {}): Value =>
  apply("ArgMax", [x], { axis, select_last_index: Number(last) });

/** The `k` largest (or smallest) elements along an axis in order, and their positions. */
export function topK(
  x: Value,
  k: number,
  axis: number,
  { largest = true } = {},
): { values: Value; positions: Value } {
  const [values, positions] = applyAll("TopK", [x], { k, axis, largest: Number(largest) });
  return { values, positions } as { values: Value; positions: Value };
}
