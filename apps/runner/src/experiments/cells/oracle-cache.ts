import { checkedRows } from "@softmax-bench/core";
import { oracle, type Reference } from "@softmax-bench/numerics";
import type { PlannedCell } from "../../plan/plan.js";
import { BoundedCache } from "./bounded-cache.js";
import type { InputSource } from "./inputs.js";

/** The oracle's loss of a whole workload, and its gradient for the rows that are checked. */
export interface CheckedReference {
  readonly checked: Int32Array;
  readonly reference: Reference;
}

/** Enough for the default workloads in both dtypes. Computing the largest reference again takes a second. */
const LIMIT_BYTES = 450e6;

/** Computes references, and keeps the most recent for the next method and backend: 164 MB for `seed-3200`. */
export class ReferenceSource {
  readonly #seed: number;
  readonly #inputs: InputSource;
  readonly #kept: BoundedCache<CheckedReference>;

  constructor(seed: number, inputs: InputSource, limitBytes = LIMIT_BYTES) {
    this.#seed = seed;
    this.#inputs = inputs;
    this.#kept = new BoundedCache({ limitBytes, sizeOf: countBytes });
  }

  of({ workload, dtype }: Pick<PlannedCell, "workload" | "dtype">): CheckedReference {
    return this.#kept.get(`${workload.id} ${dtype}`, () => {
      const { rows, classes } = workload;
      const checked = checkedRows(workload, this.#seed);
      const problem = { rows, classes, ...this.#inputs.of(workload, dtype) };
      return { checked, reference: oracle(problem, checked) };
    });
  }
}

const countBytes = ({ checked, reference: { loss, gradient } }: CheckedReference): number =>
  [checked, loss.hi, loss.lo, gradient.hi, gradient.lo].reduce((sum, { byteLength }) => sum + byteLength, 0);
