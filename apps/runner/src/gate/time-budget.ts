import { plural } from "@softmax-bench/core";
import { UsageError } from "../terminal/errors.js";
import { Deadline, formatPatience } from "./patience.js";

/** The reason for which a gate is ended whose time is over. */
export class TimeOver extends UsageError {}

/** True if a signal aborted because a gate's time is over, and not for another reason before that. */
export const isTimeOver = ({ reason }: AbortSignal): boolean => reason instanceof TimeOver;

/**
 * The time that a gate may take as a whole. A block of processes is begun only if it is likely to end in time; what does
 * not end in time is ended.
 */
export class TimeBudget implements Disposable {
  /** The limit in words. */
  readonly allowance: string;
  readonly #end: number;
  readonly #deadline: Deadline | undefined;
  /** Parts that there was no time for, each a sentence. */
  readonly omitted: string[] = [];

  /** @param limitMs no limit if undefined */
  constructor(limitMs: number | undefined) {
    this.allowance = limitMs === undefined ? "any time" : formatPatience(limitMs);
    this.#end = performance.now() + (limitMs ?? Number.POSITIVE_INFINITY);
    this.#deadline = limitMs === undefined ? undefined : new Deadline(limitMs, () => this.#error());
  }

  #error(): TimeOver {
    return new TimeOver(
      `the gate came to no verdict within --time ${this.allowance}; allow more, or choose fewer cells`,
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

  /**
   * Does a part of the gate. If it does not end in time, it is ended, and that is noted.
   * @param part as it follows "there was no time for"
   * @param reservedMs time that is left to later parts
   * @returns undefined if there was no time for it
   * @throws what the work throws for another reason
   */
  async attempt<T>(
    part: string,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
    reservedMs = 0,
  ): Promise<T | undefined> {
    if (!this.#deadline) return work(signal);
    const leftMs = this.#end - reservedMs - performance.now();
    if (leftMs > 0) {
      using deadline = new Deadline(leftMs, () => this.#error());
      const either = AbortSignal.any([signal, deadline.signal]);
      try {
        return await work(either);
      } catch (error) {
        if (!isTimeOver(either)) throw error;
      }
    }
    this.omitted.push(`There was no time for ${part}, since --time allows ${this.allowance} in all.`);
    return undefined;
  }

  /** Notes that a stage has fewer blocks than it should. */
  cut(stage: string, done: number, count: number): void {
    this.omitted.push(
      `The ${stage} ended after ${done} of ${plural(count, "block")}, since --time allows ${this.allowance} in all.`,
    );
  }

  [Symbol.dispose](): void {
    this.#deadline?.[Symbol.dispose]();
  }
}
