import {
  type FloatDType,
  floatArrayFrom,
  generateInputs,
  type Inputs,
  type Workload,
} from "@softmax-bench/core";
import { BoundedCache } from "./bounded-cache.js";

/** The dtype in which inputs are made; those in other dtypes are the same values, rounded. */
const SOURCE: FloatDType = "float64";

/** Enough for the default workloads in both dtypes. */
const LIMIT_BYTES = 192e6;

/**
 * Generates the inputs of workloads, and keeps the most recent for the next backend, since making normal numbers takes
 * as long as measuring them: 123 MB for `seed-3200`.
 */
export class InputSource {
  readonly #seed: number;
  readonly #kept: BoundedCache<Inputs>;

  constructor(seed: number, limitBytes = LIMIT_BYTES) {
    this.#seed = seed;
    this.#kept = new BoundedCache({ limitBytes, sizeOf: countBytes });
  }

  of(workload: Workload, dtype: FloatDType): Inputs {
    return this.#kept.get(`${workload.id} ${dtype}`, () => {
      if (dtype === SOURCE) return generateInputs(workload, SOURCE, this.#seed);
      const { logits, labels } = this.of(workload, SOURCE);
      return { logits: floatArrayFrom(dtype, logits), labels };
    });
  }
}

const countBytes = ({ logits, labels }: Inputs): number => logits.byteLength + labels.byteLength;
