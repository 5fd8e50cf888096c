import { createHash } from "node:crypto";
import {
  type Accuracy,
  COMPARISONS,
  type DistanceRecord,
  FAITHFUL,
  type FloatArray,
  type GradientResult,
  type KernelAccuracy,
} from "@softmax-bench/core";
import {
  assessGradient,
  assessLoss,
  countNonFinite,
  distance,
  largestRowSum,
  type Reference,
} from "@softmax-bench/numerics";
import { boundRatio } from "./bound-ratio.js";
import { type Exchange, floatArray, readResults } from "./exchange.js";
import { GradientBuffers } from "./gradient-buffers.js";
import type { InputSource } from "./inputs.js";
import { keyOf, type PlannedCell } from "./plan.js";
import { type CheckedReference, ReferenceSource } from "./references.js";

/** What the parent finds out about a gradient. */
export interface Verdict {
  readonly loss: number;
  /** Absent where only digests are taken. */
  readonly accuracy?: Accuracy;
  readonly gradientDigest: string;
  /** Distances to the gradients of compared methods that came before. */
  readonly distances: readonly DistanceRecord[];
}

export interface JudgeOptions {
  readonly seed: number;
  readonly inputs: InputSource;
  /** What exponentials and logarithms of each backend reach. */
  readonly kernels: ReadonlyMap<string, KernelAccuracy>;
  readonly digestsOnly: boolean;
}

/**
 * Compares gradients with the oracle and with each other – in the parent, so that neither the oracle's
 * memory nor its time shows in a measuring process.
 */
export class Judge {
  readonly #options: JudgeOptions;
  readonly #references: ReferenceSource;
  readonly #buffers = new GradientBuffers();
  /** Results that wait for the method that they are compared with, all of one backend, dtype and workload. */
  #held: { readonly key: string; readonly results: Map<string, GradientResult> } | undefined;

  constructor(options: JudgeOptions) {
    this.#options = options;
    this.#references = new ReferenceSource(options.seed, options.inputs);
  }

  /** @throws Error if the exchange does not hold the cell's results. */
  assess(cell: PlannedCell, exchange: Exchange): Verdict {
    const { rows, classes } = cell.workload;
    const gradient = this.#buffers.take(cell.dtype, rows * classes);
    const loss = floatArray(cell.dtype, 1);
    readResults(exchange, [loss, gradient]);
    const found = { loss: loss[0] as number, gradientDigest: digest(gradient) };
    if (this.#options.digestsOnly) {
      this.#buffers.give(gradient);
      return { ...found, distances: [] };
    }
    const { checked, reference } = this.#references.of(cell);
    const accuracy = {
      lossRelError: assessLoss(loss, reference),
      rowsChecked: checked.length,
      gradient: {
        ...errorsOf(gradient, checked, reference),
        boundRatio: this.#boundRatio(cell, gradient, { checked, reference }),
      },
    };
    return { ...found, accuracy, distances: this.#distances(cell, { loss, gradient }) };
  }

  #boundRatio(cell: PlannedCell, gradient: FloatArray, checked: CheckedReference): number {
    const inputs = this.#options.inputs.of(cell.workload, cell.dtype);
    const kernels = this.#options.kernels.get(cell.backend) ?? FAITHFUL;
    return boundRatio(cell, { inputs, gradient, ...checked }, kernels);
  }

  #distances(cell: PlannedCell, result: GradientResult): DistanceRecord[] {
    const { backend, dtype, workload, method } = cell;
    const key = keyOf({ ...cell, method: "manual/*" });
    if (this.#held?.key !== key) this.#releaseHeld(key);
    const results = this.#held?.results ?? new Map<string, GradientResult>();
    results.set(method, result);
    return COMPARISONS.flatMap(([a, b]) => {
      const [ofA, ofB] = [results.get(a), results.get(b)];
      if ((method !== a && method !== b) || !ofA || !ofB) return [];
      const loss = Math.abs((ofA.loss[0] as number) - (ofB.loss[0] as number));
      const between = { ...distance(ofA.gradient, ofB.gradient), loss };
      for (const compared of [a, b]) {
        this.#buffers.give(results.get(compared)?.gradient);
        results.delete(compared);
      }
      return [{ backend, dtype, workload: workload.id, a, b, ...between }];
    });
  }

  /** Gives back the gradients that found nothing to be compared with. */
  #releaseHeld(nextKey: string): void {
    for (const { gradient } of this.#held?.results.values() ?? []) this.#buffers.give(gradient);
    this.#held = { key: nextKey, results: new Map() };
  }
}

/** Errors of the checked rows; non-finite entries and row sums are over all rows, always. */
function errorsOf(gradient: FloatArray, checked: Int32Array, reference: Reference): Accuracy["gradient"] {
  const { classes } = reference;
  if (checked.length * classes === gradient.length) return assessGradient(gradient, reference);
  const rowSumResidual = largestRowSum(gradient, classes);
  return {
    ...assessGradient(pickRows(gradient, checked, classes), reference),
    nonFinite: Number.isFinite(rowSumResidual) ? 0 : countNonFinite(gradient),
    rowSumResidual,
  };
}

/** Some rows of a row-major matrix, as a new one. */
function pickRows<T extends FloatArray>(matrix: T, rows: Int32Array, classes: number): T {
  const picked = matrix.slice(0, rows.length * classes) as T;
  for (const [position, row] of rows.entries()) {
    picked.set(matrix.subarray(row * classes, (row + 1) * classes), position * classes);
  }
  return picked;
}

/** Hash of the gradient's bytes: equal digests are equal gradients, bit for bit. */
function digest({ buffer, byteOffset, byteLength }: FloatArray): string {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
