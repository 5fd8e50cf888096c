import type { Inputs } from "@softmax-bench/core";
import { type Exchange, writeInputs } from "./exchange.js";

/** Keeps track of the inputs that lie in the exchange: many tasks in a row have the same ones. */
export class Feeder {
  readonly #exchange: Exchange;
  #held: string | undefined;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** Puts sets of inputs there, unless they are; returns their id. */
  put(id: string, make: () => readonly Inputs[]): string {
    if (this.#held !== id) {
      this.#held = undefined;
      writeInputs(this.#exchange, make());
      this.#held = id;
    }
    return id;
  }
}
