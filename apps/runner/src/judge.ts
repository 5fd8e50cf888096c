import { createHash } from "node:crypto";
import {
  type Accuracy,
  COMPARISONS,
  checkedRows,
  type DistanceRecord,
  type FloatArray,
} from "@softmax-bench/core";
import {
  assessGradient,
  assessLoss,
  countNonFinite,
  distance,
  largestRowSum,
  oracle,
  type Reference,
} from "@softmax-bench/numerics";
import { GradientBuffers } from "./gradient-buffers.js";
import { readGradient } from "./gradient-file.js";
import { InputSource } from "./inputs.js";
import { keyOf, type PlannedCell } from "./plan.js";

/** What the parent finds out about a gradient. */
export interface Verdict {
  readonly accuracy: Accuracy;
  readonly gradientDigest: string;
  /** Distances to the gradients of compared methods that came before. */
  readonly distances: readonly DistanceRecord[];
}

/** The oracle's loss of a whole workload, and its gradient for the rows that are checked. */
interface CheckedReference {
  readonly checked: Int32Array;
  readonly reference: Reference;
}

/**
 * Compares gradients with the oracle and with each other – in the parent, so that neither the oracle's
 * memory nor its time shows in a measuring process.
 */
export class Judge {
  readonly #inputs: InputSource;
  readonly #seed: number;
  readonly #references = new Map<string, CheckedReference>();
  readonly #buffers = new GradientBuffers();
  /** Gradients that wait for the method that they are compared with, all of one backend, dtype and workload. */
  #held: { readonly key: string; readonly gradients: Map<string, FloatArray> } | undefined;

  constructor(seed: number) {
    this.#seed = seed;
    this.#inputs = new InputSource(seed);
  }

  /** @throws Error if the file does not hold the cell's gradient. */
  assess(cell: PlannedCell, loss: number, gradientFile: number): Verdict {
    const { rows, classes } = cell.workload;
    const gradient = this.#buffers.take(cell.dtype, rows * classes);
    readGradient(gradientFile, gradient);
    const { checked, reference } = this.#referenceOf(cell);
    const rowSumResidual = largestRowSum(gradient, classes);
    const accuracy = {
      lossRelError: assessLoss(loss, reference),
      rowsChecked: checked.length,
      gradient: {
        ...assessGradient(pickRows(gradient, checked, classes), reference),
        nonFinite: Number.isFinite(rowSumResidual) ? 0 : countNonFinite(gradient),
        rowSumResidual,
      },
    };
    return { accuracy, gradientDigest: digest(gradient), distances: this.#distances(cell, gradient) };
  }

  /** Kept for the next backend: at most 2^19 entries, 8 MB, each. */
  #referenceOf({ workload, dtype }: PlannedCell): CheckedReference {
    const key = `${workload.id} ${dtype}`;
    const known = this.#references.get(key);
    if (known) return known;
    const { rows, classes } = workload;
    const { logits, labels } = this.#inputs.of(workload, dtype);
    const checked = checkedRows(workload, this.#seed);
    const made = { checked, reference: oracle(logits, labels, rows, classes, checked) };
    this.#references.set(key, made);
    return made;
  }

  #distances(cell: PlannedCell, gradient: FloatArray): DistanceRecord[] {
    const { backend, dtype, workload, method } = cell;
    const key = keyOf({ ...cell, method: "manual/*" });
    if (this.#held?.key !== key) this.#releaseHeld(key);
    const gradients = this.#held?.gradients ?? new Map<string, FloatArray>();
    gradients.set(method, gradient);
    return COMPARISONS.flatMap(([a, b]) => {
      const [ofA, ofB] = [gradients.get(a), gradients.get(b)];
      if ((method !== a && method !== b) || !ofA || !ofB) return [];
      const record = { backend, dtype, workload: workload.id, a, b, ...distance(ofA, ofB) };
      for (const compared of [a, b]) {
        this.#buffers.give(gradients.get(compared));
        gradients.delete(compared);
      }
      return [record];
    });
  }

  /** Gives back the gradients that found nothing to be compared with. */
  #releaseHeld(nextKey: string): void {
    for (const gradient of this.#held?.gradients.values() ?? []) this.#buffers.give(gradient);
    this.#held = { key: nextKey, gradients: new Map() };
  }
}

/** Some rows of a row-major matrix, as a new one – or the matrix itself, where they are all of them. */
function pickRows<T extends FloatArray>(matrix: T, rows: Int32Array, classes: number): T {
  if (rows.length * classes === matrix.length) return matrix;
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
