/**
 * The share of a processor core that a thread gets. On a virtual machine the other hardware thread of a core belongs to
 * somebody else: when it computes, floating-point code here takes up to twice as long, for tenths of a second to many
 * seconds. Neither the load average nor the stolen time shows that. A fixed piece of such code does.
 */

/** Float32 values within any first-level cache, so that what is measured keeps its own data there or beyond. */
const values = new Float32Array(4096).fill(1);
const PASSES = 20;

/** Runs before V8 has optimised the loop, and some more. */
const WARMUP_RUNS = 100;
let isWarm = false;

/** The shortest of a few counts: an interruption of some microseconds is no neighbour. */
const RUNS = 3;

/** Times the fixed piece of code, about 0.1 ms, in nanoseconds. */
export function probeThroughput(now: () => number): number {
  if (!isWarm) for (let run = 0; run < WARMUP_RUNS; run++) scaleValues();
  isWarm = true;
  let fastest = Number.POSITIVE_INFINITY;
  for (let run = 0; run < RUNS; run++) {
    const start = now();
    scaleValues();
    fastest = Math.min(fastest, now() - start);
  }
  return fastest;
}

/** Every value tends to 2: neither overflow nor subnormal numbers change the time. */
function scaleValues(): void {
  for (let pass = 0; pass < PASSES; pass++) {
    for (let index = 0; index < values.length; index++) {
      values[index] = (values[index] as number) * 0.5 + 1;
    }
  }
}

/** Ratio to the time on an undisturbed core up to which a core counts as such; a busy neighbour makes it 1.8. */
const TOLERANCE = 1.3;

/** Tells whether this thread has its core to itself, now and then. */
export class ThroughputMonitor {
  readonly #referenceNs: number | undefined;
  #fastestNs = Number.POSITIVE_INFINITY;

  readonly #now: () => number;

  /**
   * @param now monotonic time in nanoseconds
   * @param referenceNs time of the probe on an undisturbed core; undefined: the fastest that this monitor sees
   */
  constructor(now: () => number, referenceNs?: number) {
    this.#now = now;
    this.#referenceNs = referenceNs;
  }

  /** Time of the fastest probe so far, in nanoseconds. */
  get fastestNs(): number {
    return this.#fastestNs;
  }

  isUndisturbed(): boolean {
    const probeNs = probeThroughput(this.#now);
    this.#fastestNs = Math.min(this.#fastestNs, probeNs);
    return probeNs <= TOLERANCE * (this.#referenceNs ?? this.#fastestNs);
  }
}

/** The least share of visits with an undisturbed moment of the core, on a machine that is fit for measuring. */
const UNDISTURBED_SHARE = 0.25;

/**
 * Time of the probe on an undisturbed core, learnt from the fastest probe of each visit. It is separate for each
 * backend, whose own threads may wait for work in a loop, on the other half of the core.
 */
export class ThroughputReference {
  readonly #fastest = new Map<string, number[]>();

  add(backend: string, probeNs: number): void {
    this.#fastest.set(backend, [...(this.#fastest.get(backend) ?? []), probeNs]);
  }

  /**
   * Nanoseconds; undefined for a backend that has not been measured. A low quantile, not the minimum, so that a moment
   * of a higher clock frequency does not make all others look disturbed.
   */
  of(backend: string): number | undefined {
    const sorted = this.#fastest.get(backend)?.toSorted((a, b) => a - b) ?? [];
    return sorted[Math.ceil(UNDISTURBED_SHARE * sorted.length) - 1];
  }
}
