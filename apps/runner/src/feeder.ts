import { tmpdir } from "node:os";
import { isSystemError, UsageError } from "./errors.js";
import { type Exchange, type Values, writeInputs } from "./exchange.js";

/** Keeps track of the inputs that lie in the exchange: many tasks in a row have the same ones. */
export class Feeder {
  readonly #exchange: Exchange;
  #held: string | undefined;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /**
   * Puts arrays there, unless they are; returns their id.
   * @throws UsageError if there is no room for them.
   */
  put(id: string, make: () => readonly Values[]): string {
    if (this.#held === id) return id;
    this.#held = undefined;
    const arrays = make();
    try {
      writeInputs(this.#exchange, arrays);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      throw new UsageError(
        `no room for the inputs in shared memory or ${tmpdir()}: ${error.message}; make some, or choose less`,
      );
    }
    this.#held = id;
    return id;
  }
}
