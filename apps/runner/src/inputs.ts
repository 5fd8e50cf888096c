import { generateInputs, type Inputs, type Workload } from "@softmax-bench/core";
import type { schema } from "@softmax-bench/core/results";
import type { z } from "zod";

type DType = z.output<typeof schema.dtype>;

/** Generates the inputs of one workload at a time: the float32 logits are the float64 ones, rounded. */
export class InputSource {
  readonly #seed: number;
  #current: { readonly workload: string; readonly double: Inputs; single?: Inputs } | undefined;

  constructor(seed: number) {
    this.#seed = seed;
  }

  of(workload: Workload, dtype: DType): Inputs {
    if (this.#current?.workload !== workload.id) {
      this.#current = { workload: workload.id, double: generateInputs(workload, "float64", this.#seed) };
    }
    const { double } = this.#current;
    if (dtype === "float64") return double;
    this.#current.single ??= { logits: Float32Array.from(double.logits), labels: double.labels };
    return this.#current.single;
  }
}
