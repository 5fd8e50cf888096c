/** Times of the probes of processor cores, in nanoseconds: see `core-throughput.ts` and `core-latency.ts`. */
export interface CoreTimes {
  /** Time of the throughput probe. */
  readonly probeNs?: number | undefined;
  /** Time of an exchange with the core of another thread. */
  readonly latencyNs?: number | undefined;
}

/** Threads that run the probe of `core-throughput.ts` on other cores while this thread runs it on its own. */
export interface OtherCores {
  /** Makes each of them run the probe now. */
  start(): void;
  /**
   * Waits for them, exchanges numbers with them where it is known which cores they are on, and returns the longest
   * times. The probe's is Infinity if a thread got no core in time; there is no latency unless all of them answered.
   */
  finish(): CoreTimes;
}

/** The process or page that measuring runs in. */
export interface Platform {
  /** Monotonic time, in nanoseconds. */
  readonly now: () => number;
  /** The step of that clock, in nanoseconds; undefined if it is below a microsecond. */
  readonly clockStepNs?: number | undefined;
  /** Nanoseconds since the process was started, or the page was opened. */
  readonly sinceStart: () => number;
  /** Nanoseconds that the JavaScript engine has spent on optimising code beside the main thread; undefined if unknown. */
  readonly backgroundNs: () => number | undefined;
  /** Bytes of arrays outside the JavaScript heap; undefined if unknown. */
  readonly arrayBytes: () => number | undefined;
  /** Resident bytes of the process: now, and the most so far. Undefined if unknown. */
  readonly residentBytes: () => number | undefined;
  readonly peakResidentBytes: () => number | undefined;
  /** Threads on as many other cores; undefined if there are none. Absent where such threads cannot be waited for. */
  readonly otherCores?: (count: number) => OtherCores | undefined;
  /** Marks a moment for a simulator that counts instructions; absent where none can see it. */
  readonly mark?: () => void;
  /** Collects garbage; undefined where that cannot be asked for. */
  readonly collectGarbage: (() => void) | undefined;
}
