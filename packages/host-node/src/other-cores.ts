import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { OtherCores } from "@softmax-bench/measure";

/** The longest time in which a thread that got a core has run the probe, and in which one has started, in milliseconds. */
const PATIENCE_MS = 20;
const START_MS = 1000;

/** Indices in what this thread shares with the others: the probes asked for so far, and those that all of them finished. */
export const ASKED = 0;
export const FINISHED = 1;

/** The data that a thread starts with. */
export interface Shared {
  readonly counts: Int32Array<SharedArrayBuffer>;
  /** Nanoseconds of the latest probe of each thread. */
  readonly times: Float64Array<SharedArrayBuffer>;
  readonly index: number;
}

/** Threads for the other cores of a machine. They sleep until they are asked, and end with the process. */
class ProbingThreads implements OtherCores {
  readonly #counts = new Int32Array(new SharedArrayBuffer(8));
  readonly #times: Float64Array<SharedArrayBuffer>;
  #asked = 0;
  #patienceMs = START_MS;
  #haveFailed = false;

  constructor(count: number) {
    this.#times = new Float64Array(new SharedArrayBuffer(8 * count));
    for (let index = 0; index < count; index++) {
      const workerData: Shared = { counts: this.#counts, times: this.#times, index };
      new Worker(new URL("./other-core.js", import.meta.url), { workerData, execArgv: [] })
        .on("error", () => {
          this.#haveFailed = true;
        })
        .unref();
    }
  }

  start(): void {
    this.#asked++;
    Atomics.store(this.#counts, ASKED, this.#asked);
    Atomics.notify(this.#counts, ASKED);
  }

  finish(): number {
    if (this.#haveFailed) return 0;
    const deadline = performance.now() + this.#patienceMs;
    const all = this.#asked * this.#times.length;
    for (;;) {
      const finished = Atomics.load(this.#counts, FINISHED);
      if (finished >= all) break;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0 || Atomics.wait(this.#counts, FINISHED, finished, leftMs) === "timed-out") {
        // A thread that has not even started never will: this thread's core is all that is watched.
        this.#haveFailed = this.#patienceMs === START_MS;
        return this.#haveFailed ? 0 : Number.POSITIVE_INFINITY;
      }
    }
    this.#patienceMs = PATIENCE_MS;
    return Math.max(...this.#times);
  }
}

const known = new Map<number, OtherCores>();

/** Threads on as many other cores as the machine has, at most `count`; the same ones for each request. */
export function otherCores(count: number): OtherCores | undefined {
  const possible = Math.min(count, availableParallelism() - 1);
  if (possible < 1) return undefined;
  const threads = known.get(possible) ?? new ProbingThreads(possible);
  known.set(possible, threads);
  return threads;
}
