import {
  errorBounds,
  type FloatArray,
  floatArray,
  type Inputs,
  type KernelAccuracy,
} from "@softmax-bench/core";
import type { Reference } from "@softmax-bench/numerics";
import type { PlannedCell } from "../../plan/plan.js";

/** Entries that are held to their bounds: deriving one takes as long as a dozen exponentials. */
const SAMPLED_ENTRIES = 2 ** 17;

interface Computed {
  readonly inputs: Inputs;
  readonly gradient: FloatArray;
  /** Rows that the reference has, ascending. */
  readonly checked: Int32Array;
  readonly reference: Reference;
}

/**
 * The largest |g − g*| over its a priori bound (`core/src/bounds`), entry by entry, over rows that lie evenly among the
 * checked ones: at most 1 where the gradient is as exact as its method and its runtime's functions promise.
 */
export function boundRatio(
  { method, dtype, workload: { rows, classes } }: PlannedCell,
  { inputs, gradient, checked, reference }: Computed,
  kernels: KernelAccuracy,
): number {
  const count = Math.min(checked.length, Math.max(1, Math.floor(SAMPLED_ENTRIES / classes)));
  const positions = Array.from({ length: count }, (_, i) => Math.floor((i * checked.length) / count));
  const logits = floatArray(dtype, count * classes);
  const labels = new Int32Array(count);
  for (const [i, position] of positions.entries()) {
    const row = checked[position] as number;
    logits.set(inputs.logits.subarray(row * classes, (row + 1) * classes), i * classes);
    labels[i] = inputs.labels[row] as number;
  }
  // A mean over all rows is, for some of them, a sum with 1/N as the upstream gradient.
  const upstream = floatArray(dtype, count).fill(1 / rows);
  const task = { method, dtype, rows: count, classes, loss: { reduction: "none" } } as const;
  const { gradient: bounds } = errorBounds(task, { logits, labels, upstream }, kernels);
  let largest = 0;
  for (const [i, position] of positions.entries()) {
    const computed = (checked[position] as number) * classes;
    for (let c = 0; c < classes; c++) {
      const at = position * classes + c;
      const exact = (gradient[computed + c] as number) - (reference.gradient.hi[at] as number);
      const ratio =
        Math.abs(exact - (reference.gradient.lo[at] as number)) / (bounds[i * classes + c] as number);
      // Not Math.max alone: a NaN entry is as far out as can be.
      largest = Number.isNaN(ratio) ? Number.POSITIVE_INFINITY : Math.max(largest, ratio);
    }
  }
  return largest;
}
