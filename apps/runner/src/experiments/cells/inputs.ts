import { generateInputs, type Inputs, type Workload } from "@softmax-bench/core";
import type { schema } from "@softmax-bench/core/results";
import type { z } from "zod";
import { BoundedCache } from "./bounded-cache.js";

type DType = z.output<typeof schema.dtype>;

/** Enough for the default workloads in both dtypes. */
const LIMIT_BYTES = 192e6;

/**
 * Generates the inputs of workloads, and keeps the most recent for the next backend, since making normal numbers takes as
 * long as measuring them: 123 MB for `seed-3200`. The float32 logits are the float64 ones, rounded.
 */
export class InputSource {
  readonly #seed: number;
  readonly #kept: BoundedCache<Inputs>;

  constructor(seed: number, limitBytes = LIMIT_BYTES) {
    this.#seed = seed;
    this.#kept = new BoundedCache({ limitBytes, sizeOf: bytesOf });
  }

  of(workload: Workload, dtype: DType): Inputs {
    return this.#kept.get(`${workload.id} ${dtype}`, () => {
      if (dtype === "float64") return generateInputs(workload, "float64", this.#seed);
      const { logits, labels } = this.of(workload, "float64");
      return { logits: Float32Array.from(logits), labels };
    });
  }
}

const bytesOf = ({ logits, labels }: Inputs): number => logits.byteLength + labels.byteLength;
