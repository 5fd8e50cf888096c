import type { GradientTask, Inputs } from "@softmax-bench/core";
import { allocateInputs, arraysOf, type Exchange, readInputs } from "./exchange.js";

/** Sets of inputs that go, one after the other, through the same arrays. */
export interface InputSets {
  /** The first set, until `load`. */
  readonly inputs: Inputs;
  readonly count: number;
  /** Fills the arrays with another set. */
  load(set: number): void;
}

/** Reads inputs from the exchange; many tasks in a row have the same ones, which are then kept. */
export class InputReader {
  readonly #exchange: Exchange;
  #held: { readonly id: string; readonly inputs: Inputs } | undefined;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  open(task: GradientTask, id: string, count: number): InputSets {
    if (this.#held?.id !== id) {
      this.#held = undefined;
      const inputs = allocateInputs(task);
      readInputs(this.#exchange, 0, arraysOf(inputs));
      this.#held = { id, inputs };
    }
    const { inputs } = this.#held;
    if (count > 1) this.#held = undefined;
    return { inputs, count, load: (set) => readInputs(this.#exchange, set, arraysOf(inputs)) };
  }
}
