import { PROFILES, type Profile } from "../plan/profiles.js";
import { START_MS } from "../session/backend-session.js";

const MINUTE_MS = 60_000;

/** Time limits of the steps of a gate, in milliseconds. */
export interface Patience {
  /** Listing the cells of a revision. */
  readonly listMs: number;
  /** Installing a revision, or building it. */
  readonly buildMs: number;
  /** Counting instructions in simulated processes of all backends. */
  readonly countMs: number;
  /** From one turn of a measuring process to its next one, or to its end. */
  readonly turnMs: number;
  /** The whole measuring process, if it takes no turns. */
  measureMs(profile: Profile["id"], cells: readonly string[]): number;
}

/** Time for the work of a command before its first cell and after its last one. */
const OVERHEAD_MS = 5 * MINUTE_MS;

/** @param timeoutMs of every step, if set by the user */
export const toPatience = (timeoutMs?: number): Patience => ({
  listMs: timeoutMs ?? 5 * MINUTE_MS,
  buildMs: timeoutMs ?? 30 * MINUTE_MS,
  countMs: timeoutMs ?? 60 * MINUTE_MS,
  // A worker may have to start twice in a turn: before the cell, and for it if it died.
  turnMs: timeoutMs ?? 2 * START_MS + PROFILES.gate.cellTimeoutMs + MINUTE_MS / 2,
  measureMs: (id, cells) => {
    if (timeoutMs !== undefined) return timeoutMs;
    const { mostProcesses, cellTimeoutMs } = PROFILES[id];
    const backends = new Set(cells.map((cell) => cell.split(" ")[0])).size;
    return OVERHEAD_MS + mostProcesses * (backends * START_MS + cells.length * cellTimeoutMs);
  },
});

/** `90 s`, `30 min`. */
export const formatPatience = (ms: number): string =>
  ms < 2 * MINUTE_MS
    ? `${Number((ms / 1000).toPrecision(3))} s`
    : `${Number((ms / MINUTE_MS).toPrecision(3))} min`;

/** A time limit that is paused while its task waits for others. */
export class Deadline implements Disposable {
  readonly #end = new AbortController();
  readonly #ms: number;
  readonly #error: () => Error;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number, error: () => Error) {
    this.#ms = ms;
    this.#error = error;
    this.restart();
  }

  /** Aborts, with the error, when time is up. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  restart(): void {
    this.pause();
    // Node counts at most 2^31 milliseconds, and treats more as 1.
    this.#timer = setTimeout(() => this.#end.abort(this.#error()), Math.min(this.#ms, 2 ** 31 - 1));
  }

  pause(): void {
    clearTimeout(this.#timer);
  }

  [Symbol.dispose](): void {
    this.pause();
  }
}
