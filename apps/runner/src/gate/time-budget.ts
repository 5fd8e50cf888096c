import { plural } from "@softmax-bench/core";
import { UsageError } from "../terminal/errors.js";
import { Deadline, formatPatience } from "./patience.js";

/**
 * The time that a gate may take as a whole. A block of processes is begun only if it is likely to end in time; what does
 * not end in time is ended.
 */
export class TimeBudget implements Disposable {
  readonly #limitMs: number;
  readonly #end: number;
  readonly #deadline: Deadline | undefined;
  /** Parts that there was no time for, each a sentence. */
  readonly omitted: string[] = [];

  /** @param limitMs no limit if undefined */
  constructor(limitMs: number | undefined) {
    this.#limitMs = limitMs ?? Number.POSITIVE_INFINITY;
    this.#end = performance.now() + this.#limitMs;
    this.#deadline = limitMs === undefined ? undefined : new Deadline(limitMs, () => this.#error());
  }

  #error(): UsageError {
    return new UsageError(
      `the gate came to no verdict within --time ${formatPatience(this.#limitMs)}; allow more, or choose fewer cells`,
    );
  }

  /** A signal that aborts when the time is over, too. */
  within(signal: AbortSignal): AbortSignal {
    return this.#deadline ? AbortSignal.any([signal, this.#deadline.signal]) : signal;
  }

  get isOver(): boolean {
    return performance.now() >= this.#end;
  }

  /** True if something that takes this long ends in time. */
  allows(ms: number): boolean {
    return performance.now() + ms <= this.#end;
  }

  /** Notes that a stage has fewer blocks than it should. */
  cut(stage: string, done: number, count: number): void {
    this.omitted.push(
      `The ${stage} ended after ${done} of ${plural(count, "block")}, since --time allows ${formatPatience(this.#limitMs)} in all.`,
    );
  }

  [Symbol.dispose](): void {
    this.#deadline?.[Symbol.dispose]();
  }
}
