import type { Inputs } from "../backend.js";
import type { LossOptions } from "../loss-options.js";

/** The targets q of each row in float64; see `LossOptions`. */
export class TargetRows {
  readonly #classes: number;
  readonly #inputs: Inputs;
  readonly #options: LossOptions;
  readonly plain: boolean;

  constructor(classes: number, inputs: Inputs, options: LossOptions) {
    this.#classes = classes;
    this.#inputs = inputs;
    this.#options = options;
    this.plain =
      options.targets === "labels" &&
      options.labelSmoothing === 0 &&
      options.ignoreIndex === undefined &&
      !options.weighted;
  }

  row(row: number): { readonly q: Float64Array; readonly total: number; readonly label: number | undefined } {
    const { labels, weights } = this.#inputs;
    const { labelSmoothing: epsilon, ignoreIndex } = this.#options;
    const q = new Float64Array(this.#classes);
    const label = labels instanceof Int32Array ? labels[row] : undefined;
    if (label !== undefined && label === ignoreIndex) return { q, total: 0, label };
    for (let c = 0; c < q.length; c++) {
      const t = label === undefined ? (labels[row * q.length + c] as number) : c === label ? 1 : 0;
      q[c] = (weights?.[c] ?? 1) * (t * (1 - epsilon) + epsilon / q.length);
    }
    return { q, total: q.reduce((sum, value) => sum + value, 0), label };
  }

  /** The divisor of the mean; 1 if no row counts. */
  divisor(rows: number): number {
    const { labels, weights } = this.#inputs;
    if (!(labels instanceof Int32Array)) return rows;
    const counted = labels.reduce(
      (sum, label) => (label === this.#options.ignoreIndex ? sum : sum + (weights?.[label] ?? 1)),
      0,
    );
    return counted || 1;
  }
}
