import type { Profile } from "../plan/profiles.js";
import type { Entry } from "../results/journal/entries.js";

/**
 * Decides on further rounds of a run, each a process of every backend: those of its profile, those that its journal has
 * begun, and then as many as its time allows. Time that the run used before it was interrupted counts; of a process that
 * was killed, only that of its samples is known.
 */
export class RoundTimer {
  readonly #fewest: number;
  readonly #most: number;
  /** Milliseconds left of the run's time when this process began. */
  readonly #leftMs: number;
  /** Milliseconds that a round has taken on average so far; 0 in a new run. */
  readonly #usualMs: number;
  readonly #begun = performance.now();
  #roundBegun = this.#begun;

  /**
   * @param givenMs milliseconds that the run was given, where that is not its profile's time
   * @param done entries of the run's journal; empty in a new run
   */
  constructor(
    { processes, mostProcesses, timeMs }: Pick<Profile, "processes" | "mostProcesses" | "timeMs">,
    givenMs: number | undefined,
    done: readonly Entry[],
  ) {
    const rounds = done.reduce(
      (most, entry) => Math.max(most, entry.type === "cell" ? entry.round + 1 : 0),
      0,
    );
    const spentMs = spentNs(done) / 1e6;
    this.#fewest = Math.max(processes, rounds);
    this.#most = mostProcesses;
    this.#leftMs = (givenMs ?? timeMs) - spentMs;
    this.#usualMs = spentMs / Math.max(1, rounds);
  }

  /** Starts the clock of a round. */
  begin(): void {
    this.#roundBegun = performance.now();
  }

  /** Returns whether there is a round, counted from 0. One beyond the fewest needs the time that those before took. */
  hasTime(round: number): boolean {
    if (round < this.#fewest) return true;
    const now = performance.now();
    const roundMs = Math.max(this.#usualMs, now - this.#roundBegun);
    return round < this.#most && now - this.#begun + roundMs <= this.#leftMs;
  }
}

/** Nanoseconds that processes of a run have used: as they wrote when they ended, or else what they sampled. */
function spentNs(done: readonly Entry[]): number {
  let [known, sampled] = [0, 0];
  for (const entry of done) {
    if (entry.type === "cell") sampled += entry.sampling?.windowsNs ?? 0;
    if (entry.type !== "spent") continue;
    known += Object.values(entry.wallNs).reduce((sum, ns) => sum + ns, 0);
    sampled = 0;
  }
  return known + sampled;
}
