import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { CoreTimes, OtherCores } from "@softmax-bench/measure";
import { CoreLatency, type SharedMemory } from "@softmax-bench/measure/cores";

/** Time limits for a thread, in milliseconds: to run the probe, and to start. */
const PATIENCE_MS = 20;
const START_MS = 3000;

/** The most threads to exchange numbers with, one after another, while the others wait. */
const MOST_EXCHANGES = 7;

/** Memory that this thread shares with the others. Each of them has an index. */
export interface Shared {
  /** Number of the last probe that the thread was asked for, and of the last one that it has finished. */
  readonly asked: Int32Array<SharedArrayBuffer>;
  readonly finished: Int32Array<SharedArrayBuffer>;
  /** Nanoseconds of its latest probe. */
  readonly times: Float64Array<SharedArrayBuffer>;
  /** 1 if it is bound to its core. */
  readonly bound: Int32Array<SharedArrayBuffer>;
  /** 1 if it shall exchange numbers after that probe. */
  readonly exchanges: Int32Array<SharedArrayBuffer>;
  /** For exchanges. */
  readonly memory: SharedMemory;
}

/** The data that a thread starts with. */
export interface ThreadData extends Shared {
  readonly index: number;
  /** Number of the core that it shall be bound to; undefined where that is not known. */
  readonly core: number | undefined;
}

/**
 * Threads for the other cores of a machine. They sleep until they are asked, and end with the process. Where all cores
 * compute, each thread is bound to one, if that is possible, and the one on this thread's core is not asked: Linux may
 * wake a thread on the core of the one that wakes it, though others are idle. Where fewer compute, it is unknown which.
 */
class ProbingThreads implements OtherCores {
  readonly #count: number;
  readonly #cores: readonly (number | undefined)[];
  readonly #shared: Shared;
  readonly #latency: CoreLatency;
  #chosen: readonly number[] = [];
  /** Those of them to exchange numbers with. */
  #partners: readonly number[] = [];
  #probe = 0;
  #patienceMs = START_MS;
  #haveFailed = false;

  constructor(count: number) {
    this.#count = count;
    const cores = allowedCores();
    // One more than are asked, for the one on this thread's core.
    this.#cores = cores.length === count + 1 ? cores : Array.from({ length: count }, () => undefined);
    const int32 = () => new Int32Array(new SharedArrayBuffer(4 * this.#cores.length));
    this.#shared = {
      asked: int32(),
      finished: int32(),
      bound: int32(),
      exchanges: int32(),
      times: new Float64Array(new SharedArrayBuffer(8 * this.#cores.length)),
      memory: CoreLatency.share(),
    };
    this.#latency = new CoreLatency(this.#shared.memory);
    for (const [index, core] of this.#cores.entries()) {
      const workerData: ThreadData = { ...this.#shared, index, core };
      new Worker(new URL("./other-core.js", import.meta.url), { workerData, execArgv: [] })
        .on("error", () => {
          this.#haveFailed = true;
        })
        .unref();
    }
  }

  start(): void {
    if (this.#haveFailed) return;
    const { asked, bound, exchanges } = this.#shared;
    const here = currentCore();
    const isBound = (index: number) => Atomics.load(bound, index) === 1;
    const others = [...this.#cores.keys()].filter((index) => !isBound(index) || this.#cores[index] !== here);
    this.#chosen = others.slice(0, this.#count);
    const areElsewhere = here !== undefined && this.#chosen.every(isBound);
    this.#partners = areElsewhere ? this.#chosen.slice(0, MOST_EXCHANGES) : [];
    this.#probe++;
    for (const index of this.#chosen) {
      const isPartner = this.#partners.includes(index);
      if (isPartner) this.#latency.prepare(index, this.#probe);
      Atomics.store(exchanges, index, isPartner ? 1 : 0);
      Atomics.store(asked, index, this.#probe);
      Atomics.notify(asked, index);
    }
  }

  finish(): CoreTimes {
    if (this.#haveFailed) return {};
    const latencyNs = this.#exchange();
    const deadline = performance.now() + this.#patienceMs;
    for (const index of this.#chosen) {
      if (!this.#waitFor(index, deadline)) {
        // A thread that has not even started never will: this thread's core is all that is watched.
        this.#haveFailed = this.#patienceMs === START_MS;
        return this.#haveFailed ? {} : { probeNs: Number.POSITIVE_INFINITY };
      }
    }
    this.#patienceMs = PATIENCE_MS;
    return {
      probeNs: Math.max(...this.#chosen.map((index) => this.#shared.times[index] ?? 0)),
      ...(latencyNs === undefined ? {} : { latencyNs }),
    };
  }

  /** The longest time of an exchange; undefined without partners, or if one of them does not answer. */
  #exchange(): number | undefined {
    let longest: number | undefined;
    for (const index of this.#partners) {
      const latencyNs = this.#latency.time(index, this.#probe, now);
      if (latencyNs === undefined) return undefined;
      longest = Math.max(longest ?? 0, latencyNs);
    }
    return longest;
  }

  /** Returns whether a thread has finished the probe in time. */
  #waitFor(index: number, deadline: number): boolean {
    const { finished } = this.#shared;
    for (;;) {
      const last = Atomics.load(finished, index);
      if (last === this.#probe) return true;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0 || Atomics.wait(finished, index, last, leftMs) === "timed-out") return false;
    }
  }
}

const now = () => Number(process.hrtime.bigint());

/** Numbers of the cores that this process may use; none where the system does not tell. */
function allowedCores(): number[] {
  const [, list = ""] = /^Cpus_allowed_list:\s*(\S+)/m.exec(readProc("/proc/self/status")) ?? [];
  return list.split(",").flatMap((range) => {
    const [first, last = first] = range.split("-").map(Number);
    if (first === undefined || last === undefined || range === "") return [];
    return Array.from({ length: last - first + 1 }, (_, offset) => first + offset);
  });
}

/** Field 39 of the statistics of this thread, proc_pid_stat(5), counted from behind the name, which may contain anything. */
function currentCore(): number | undefined {
  const stat = readProc("/proc/thread-self/stat");
  const core = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[36];
  return core === undefined ? undefined : Number(core);
}

/** The text of a file of the system, or nothing where there is none. */
function readProc(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
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
