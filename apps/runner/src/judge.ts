import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { type Accuracy, COMPARISONS, type DistanceRecord, type FloatArray } from "@softmax-bench/core";
import { assessGradient, assessLoss, distance, oracle, type Reference } from "@softmax-bench/numerics";
import type { InputSource } from "./inputs.js";
import { keyOf, type PlannedCell } from "./plan.js";

/** What the parent finds out about a gradient. */
export interface Verdict {
  readonly accuracy: Accuracy;
  readonly gradientDigest: string;
  /** Distances to the gradients of compared methods that came before. */
  readonly distances: readonly DistanceRecord[];
}

/**
 * Compares gradients with the oracle and with each other – in the parent, so that neither the oracle's
 * memory nor its time shows in a measuring process.
 */
export class Judge {
  readonly #inputs: InputSource;
  #reference: { readonly key: string; readonly value: Reference } | undefined;
  /** Gradients that wait for the method that they are compared with, all of one backend, dtype and workload. */
  #held: { readonly key: string; readonly gradients: Map<string, FloatArray> } | undefined;

  constructor(inputs: InputSource) {
    this.#inputs = inputs;
  }

  /** @throws Error if the file does not hold the cell's gradient. */
  assess(cell: PlannedCell, loss: number, gradientFile: string): Verdict {
    const gradient = readGradient(gradientFile, cell);
    const reference = this.#referenceOf(cell);
    return {
      accuracy: {
        lossRelError: assessLoss(loss, reference),
        gradient: assessGradient(gradient, reference),
      },
      gradientDigest: digest(gradient),
      distances: this.#distances(cell, gradient),
    };
  }

  #referenceOf({ workload, dtype }: PlannedCell): Reference {
    const key = `${workload.id} ${dtype}`;
    if (this.#reference?.key !== key) {
      const { logits, labels } = this.#inputs.of(workload, dtype);
      this.#reference = { key, value: oracle(logits, labels, workload.rows, workload.classes) };
    }
    return this.#reference.value;
  }

  #distances(cell: PlannedCell, gradient: FloatArray): DistanceRecord[] {
    const key = keyOf({ ...cell, method: "manual/*" });
    if (this.#held?.key !== key) this.#held = { key, gradients: new Map() };
    const { gradients } = this.#held;
    gradients.set(cell.method, gradient);
    return COMPARISONS.flatMap(([a, b]) => {
      const [ofA, ofB] = [gradients.get(a), gradients.get(b)];
      if ((cell.method !== a && cell.method !== b) || !ofA || !ofB) return [];
      gradients.delete(a);
      gradients.delete(b);
      const { backend, dtype, workload } = cell;
      return [{ backend, dtype, workload: workload.id, a, b, ...distance(ofA, ofB) }];
    });
  }
}

/** Hash of the gradient's bytes: equal digests are equal gradients, bit for bit. */
function digest({ buffer, byteOffset, byteLength }: FloatArray): string {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function readGradient(file: string, { dtype, workload }: PlannedCell): FloatArray {
  const length = workload.rows * workload.classes;
  const values = dtype === "float32" ? new Float32Array(length) : new Float64Array(length);
  const { size } = statSync(file);
  if (size !== values.byteLength) {
    throw new Error(`the gradient of ${length} ${dtype} values takes ${values.byteLength} bytes, got ${size}`);
  }
  const bytes = new Uint8Array(values.buffer);
  const descriptor = openSync(file, "r");
  try {
    for (let offset = 0; offset < bytes.length; ) {
      offset += readSync(descriptor, bytes, offset, bytes.length - offset, offset);
    }
  } finally {
    closeSync(descriptor);
  }
  return values;
}
