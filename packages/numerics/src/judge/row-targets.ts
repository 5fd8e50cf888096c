import type { FloatArray } from "../float-array.js";
import type { Problem } from "../problem.js";

/** The target of each row, and how sure the logits are of it. */
export interface RowTargets {
  /** The label, or the class of the largest target probability, `[N]`; -1 for an ignored row. */
  readonly classes: Int32Array;
  /** The probability that the softmax of the row gives that class, `[N]`; 0 for an ignored row. */
  readonly probabilities: Float64Array;
}

/** The targets of a problem's rows. */
export function rowTargets({ rows, classes, logits, labels, ignoreIndex }: Problem): RowTargets {
  const targets = new Int32Array(rows).fill(-1);
  const probabilities = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const rowOf = (values: FloatArray) => values.subarray(row * classes, (row + 1) * classes);
    const target = labels instanceof Int32Array ? (labels[row] as number) : indexOfLargest(rowOf(labels));
    if (labels instanceof Int32Array && target === ignoreIndex) continue;
    targets[row] = target;
    probabilities[row] = labelProbability(target, rowOf(logits));
  }
  return { classes: targets, probabilities };
}

function indexOfLargest(values: FloatArray): number {
  let index = 0;
  for (let j = 1; j < values.length; j++) if ((values[j] as number) > (values[index] as number)) index = j;
  return index;
}

/** Plain float64 is enough to sort rows by it. */
function labelProbability(target: number, logits: FloatArray): number {
  const largest = logits[indexOfLargest(logits)] as number;
  let sum = 0;
  for (let j = 0; j < logits.length; j++) sum += Math.exp((logits[j] as number) - largest);
  return Math.exp((logits[target] as number) - largest) / sum;
}
