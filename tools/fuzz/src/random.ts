import { createHash } from "node:crypto";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** Seeded choices: the same name gives the same choices on every machine. */
export class Random {
  readonly #next: () => number;

  constructor(name: string) {
    const generator = xoroshiro128plus(createHash("sha256").update(name).digest().readInt32LE());
    this.#next = () => generator.next() >>> 0;
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor((this.#next() / 2 ** 32) * limit);
  }

  chance(probability: number): boolean {
    return this.#next() / 2 ** 32 < probability;
  }

  /** @throws RangeError if there is nothing to choose from. */
  pick<T>(choices: readonly T[]): T {
    if (choices.length === 0) throw new RangeError("expected at least one choice, got none");
    return choices[this.below(choices.length)] as T;
  }
}
