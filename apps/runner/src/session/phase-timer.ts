/** The purposes that the wall time of a run is spent on. */
export type Purpose = "measure" | "settle" | "start" | "prepare" | "verify";

/** Adds up wall time by purpose, in nanoseconds. Unattributed time is `other`. */
export class PhaseTimer {
  readonly #begun = performance.now();
  readonly #ns: Record<Purpose, number> = { measure: 0, settle: 0, start: 0, prepare: 0, verify: 0 };

  add(purpose: Purpose, ns: number): void {
    this.#ns[purpose] += ns;
  }

  /** Attributes the time since `begun` (of `performance.now()`). */
  record(begun: number, purpose: Purpose): void {
    this.add(purpose, (performance.now() - begun) * 1e6);
  }

  total(): Record<Purpose | "other", number> {
    const known = Object.values(this.#ns).reduce((sum, ns) => sum + ns, 0);
    return { ...this.#ns, other: Math.max(0, (performance.now() - this.#begun) * 1e6 - known) };
  }
}
