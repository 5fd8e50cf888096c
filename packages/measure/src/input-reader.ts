import type { GradientTask, Inputs } from "@softmax-bench/core";
import { allocateInputs, inputArrays, type WorkerArrays } from "./arrays.js";

/** Sets of inputs that pass through the same arrays in succession. */
export interface InputSets {
  /** The first set, until `load`. */
  readonly inputs: Inputs;
  readonly count: number;
  /** Fills the arrays with another set. */
  load(set: number): Promise<void>;
}

/** Reads the inputs of tasks. Successive tasks often have the same ones, which are then kept. */
export class InputReader {
  readonly #arrays: WorkerArrays;
  #held: { readonly id: string; readonly inputs: Inputs } | undefined;

  constructor(arrays: WorkerArrays) {
    this.#arrays = arrays;
  }

  async open(task: GradientTask, id: string, count: number): Promise<InputSets> {
    if (this.#held?.id !== id) {
      this.#held = undefined;
      const inputs = allocateInputs(task);
      await this.#arrays.readInputs(0, inputArrays(inputs));
      this.#held = { id, inputs };
    }
    const { inputs } = this.#held;
    if (count > 1) this.#held = undefined;
    return { inputs, count, load: async (set) => this.#arrays.readInputs(set, inputArrays(inputs)) };
  }
}
