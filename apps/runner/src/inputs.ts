import { generateInputs, type Inputs, type Workload } from "@softmax-bench/core";
import type { schema } from "@softmax-bench/core/results";
import type { z } from "zod";

type DType = z.output<typeof schema.dtype>;

interface Generated {
  readonly double: Inputs;
  single?: Inputs;
}

/**
 * Generates the inputs of workloads, and keeps them for the next backend, since making normal numbers takes as long as
 * measuring them: 123 MB for `seed-3200`. The float32 logits are the float64 ones, rounded.
 */
export class InputSource {
  readonly #seed: number;
  readonly #generated = new Map<string, Generated>();

  constructor(seed: number) {
    this.#seed = seed;
  }

  of(workload: Workload, dtype: DType): Inputs {
    const known = this.#generated.get(workload.id);
    const generated = known ?? { double: generateInputs(workload, "float64", this.#seed) };
    if (!known) this.#generated.set(workload.id, generated);
    if (dtype === "float64") return generated.double;
    const { logits, labels } = generated.double;
    generated.single ??= { logits: Float32Array.from(logits), labels };
    return generated.single;
  }
}
