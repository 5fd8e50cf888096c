import { tmpdir } from "node:os";
import { isNoRoom, type MovableExchange, type Values, writeInputs } from "../measure/exchange.js";
import { isSystemError, UsageError } from "../terminal/errors.js";

/** Keeps track of the inputs that lie in the exchange: many tasks in a row have the same ones. */
export class Feeder {
  readonly #exchange: MovableExchange;
  #held: string | undefined;

  constructor(exchange: MovableExchange) {
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
      this.#write(arrays);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      throw new UsageError(
        `no room for the inputs in shared memory or ${tmpdir()}: ${error.message}; make some, or choose less`,
      );
    }
    this.#held = id;
    return id;
  }

  #write(arrays: readonly Values[]): void {
    try {
      writeInputs(this.#exchange, arrays);
    } catch (error) {
      if (!isNoRoom(error) || !this.#exchange.move()) throw error;
      writeInputs(this.#exchange, arrays);
    }
  }
}
