import { add, type DoubleDouble, divide, fromNumber, multiply } from "../double-double/arithmetic.js";
import { type DoubleDoubleArray, entry, setEntry } from "../double-double/array.js";
import type { Problem } from "../problem.js";
import { newRow } from "./row.js";

/**
 * The targets q of rows that are spread over the classes: w_c (t_c (1 - eps) + eps / C), where t is the probabilities,
 * or a one at the label.
 */
export class DenseTargets {
  readonly #problem: Problem;
  /** w_c eps / C. */
  readonly #even: DoubleDoubleArray;
  /** w_c (1 - eps). */
  readonly #own: DoubleDoubleArray;
  readonly #row: DoubleDoubleArray;

  constructor(problem: Problem) {
    const { classes, labelSmoothing = 0, weights } = problem;
    this.#problem = problem;
    this.#even = newRow(classes);
    this.#own = newRow(classes);
    this.#row = newRow(classes);
    const even = divide(fromNumber(labelSmoothing), fromNumber(classes));
    const own = add(fromNumber(1), fromNumber(-labelSmoothing));
    for (let c = 0; c < classes; c++) {
      const weight = fromNumber(weights?.[c] ?? 1);
      setEntry(this.#even, c, multiply(even, weight));
      setEntry(this.#own, c, multiply(own, weight));
    }
  }

  /** Targets of one row; valid until the next call. */
  of(row: number): DoubleDoubleArray {
    const { labels, classes } = this.#problem;
    const q = this.#row;
    q.hi.set(this.#even.hi);
    q.lo.set(this.#even.lo);
    if (labels instanceof Int32Array) {
      const label = labels[row] as number;
      setEntry(q, label, add(entry(q, label), entry(this.#own, label)));
      return q;
    }
    for (let c = 0; c < classes; c++) {
      const t = fromNumber(labels[row * classes + c] as number);
      setEntry(q, c, add(entry(q, c), multiply(entry(this.#own, c), t)));
    }
    return q;
  }
}

/** The divisor of the mean: the weights of the labels that count, or the number of rows of probabilities. */
export function meanDivisor({ rows, labels, weights, ignoreIndex }: Problem): DoubleDouble {
  if (!(labels instanceof Int32Array)) return fromNumber(rows);
  let sum = fromNumber(0);
  for (const label of labels) {
    if (label !== ignoreIndex) sum = add(sum, fromNumber(weights?.[label] ?? 1));
  }
  return sum;
}
