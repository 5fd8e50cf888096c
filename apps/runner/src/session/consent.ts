import type { Confirm, MissingPart } from "@softmax-bench/core";
import { describeCost } from "@softmax-bench/provision";
import { ask, type Console, writeLine } from "../terminal/console.js";

/** The variable that agrees to every download. */
const VARIABLE = "SOFTMAX_BENCH_YES";

/**
 * The user's consent to fetching and building what is missing: given beforehand, or by the answer to a question on a
 * terminal. Without either, nothing is fetched.
 */
export class Consent {
  readonly #console: Console;
  readonly #isGiven: boolean;
  readonly #answers = new Map<string, boolean>();

  /** @param isGiven true if the user agreed by a flag */
  constructor(console: Console, isGiven = false) {
    this.#console = console;
    this.#isGiven = isGiven || !["", "0", undefined].includes(process.env[VARIABLE]);
  }

  /**
   * Settles everything that an attempt asks for with one question. The attempt fetches nothing.
   * @returns whether all of it may be fetched
   */
  async obtain(attempt: (confirm: Confirm) => Promise<unknown>): Promise<boolean> {
    const missing = new Map<string, MissingPart>();
    await attempt(async (part) => {
      missing.set(part.name, part);
      return false;
    });
    await this.#settle([...missing.values()].filter(({ name }) => !this.#answers.has(name)));
    return [...missing.keys()].every((name) => this.#answers.get(name));
  }

  readonly confirm: Confirm = async (part) => {
    if (!this.#answers.has(part.name)) await this.#settle([part]);
    return this.#answers.get(part.name) ?? false;
  };

  async #settle(parts: readonly MissingPart[]): Promise<void> {
    if (parts.length === 0) return;
    const isAgreed = this.#isGiven || (await this.#ask(parts));
    for (const { name } of parts) this.#answers.set(name, isAgreed);
  }

  async #ask(parts: readonly MissingPart[]): Promise<boolean> {
    const list = parts.map((part) => `${part.title} (${describeCost(part)})`);
    const { stderr } = this.#console;
    const answer = await ask(this.#console, [
      "Missing here:",
      ...list.map((line) => `  ${line}`),
      `Fetch ${parts.length > 1 ? `them (${describeCost(sumCosts(parts))})` : "it"}? [Y/n] `,
    ]);
    if (answer !== undefined) return /^(y|yes|)$/i.test(answer.trim());
    writeLine(stderr, `not fetched: ${list.join(", ")}; --yes or ${VARIABLE}=1 agrees to it`);
    return false;
  }
}

function sumCosts(parts: readonly MissingPart[]) {
  const sum = (of: (part: MissingPart) => number) => parts.reduce((total, part) => total + of(part), 0);
  return { downloadBytes: sum((part) => part.downloadBytes), buildSeconds: sum((part) => part.buildSeconds) };
}
