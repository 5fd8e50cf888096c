import { probeThroughput } from "./core-throughput.js";
import type { CoreTimes, OtherCores, Platform } from "./platform.js";

/** Ratio to the time on an undisturbed core up to which a core counts as such; a busy neighbour makes it 1.8. */
const TOLERANCE = 1.3;

/** The same for exchanges. It is 5 or more for cores that share no cache; interruptions make single ones twice as long. */
const LATENCY_TOLERANCE = 2.5;

/** Returns whether cores were as undisturbed as those of the reference. What is unknown of either does not tell. */
export const areUndisturbed = (times: CoreTimes, reference: CoreTimes): boolean =>
  isWithin(TOLERANCE, times.probeNs, reference.probeNs) &&
  isWithin(LATENCY_TOLERANCE, times.latencyNs, reference.latencyNs);

const isWithin = (ratio: number, time: number | undefined, reference: number | undefined): boolean =>
  time === undefined || reference === undefined || time <= ratio * reference;

/** Tells whether the threads that compute have their cores to themselves, near each other, now and then. */
export class CoreMonitor {
  readonly #now: () => number;
  readonly #reference: CoreTimes;
  readonly #others: OtherCores | undefined;
  #probeNs = Number.POSITIVE_INFINITY;
  #latencyNs = Number.POSITIVE_INFINITY;
  /** The last known latency: cores are moved only every few seconds. */
  #lastLatencyNs: number | undefined;

  /**
   * @param threads that compute: as many cores are probed, where the platform can, and this thread's core always
   * @param reference times on undisturbed cores; of what is undefined, the fastest that this monitor sees
   */
  constructor(
    { now, otherCores }: Pick<Platform, "now" | "otherCores">,
    threads: number,
    reference: CoreTimes = {},
  ) {
    this.#now = now;
    this.#reference = reference;
    this.#others = threads > 1 ? otherCores?.(threads - 1) : undefined;
  }

  /** Times of the fastest probes so far, the throughput's on this thread's core. */
  get fastest(): CoreTimes {
    return {
      probeNs: this.#probeNs,
      ...(Number.isFinite(this.#latencyNs) ? { latencyNs: this.#latencyNs } : {}),
    };
  }

  isUndisturbed(): boolean {
    this.#others?.start();
    const ownNs = probeThroughput(this.#now);
    const { probeNs = 0, latencyNs = this.#lastLatencyNs } = this.#others?.finish() ?? {};
    this.#lastLatencyNs = latencyNs;
    this.#probeNs = Math.min(this.#probeNs, ownNs);
    this.#latencyNs = Math.min(this.#latencyNs, latencyNs ?? Number.POSITIVE_INFINITY);
    const reference = {
      probeNs: this.#reference.probeNs ?? this.#probeNs,
      latencyNs: this.#reference.latencyNs ?? this.#latencyNs,
    };
    return areUndisturbed({ probeNs: Math.max(ownNs, probeNs), latencyNs }, reference);
  }
}

/** The least share of visits with a moment of undisturbed cores, on a machine that is fit for measuring. */
const UNDISTURBED_SHARE = 0.25;

/** The same of near cores, which may stay apart for as long as a backend is measured. */
const NEAR_SHARE = 0.1;

/**
 * Times on undisturbed cores, learnt from the fastest probes of each visit. They are separate for each backend, whose own
 * threads may wait for work in a loop, on the other half of the core.
 */
export class CoreReference {
  readonly #fastest = new Map<string, CoreTimes[]>();

  add(backend: string, times: CoreTimes): void {
    this.#fastest.set(backend, [...(this.#fastest.get(backend) ?? []), times]);
  }

  /**
   * Low quantiles, not the minimum, so that a moment of a higher clock frequency does not make all others look disturbed;
   * undefined for what has not been measured.
   */
  of(backend: string): CoreTimes {
    const all = this.#fastest.get(backend) ?? [];
    const quantile = (share: number, values: readonly number[]) =>
      values.toSorted((a, b) => a - b)[Math.ceil(share * values.length) - 1];
    return {
      probeNs: quantile(
        UNDISTURBED_SHARE,
        all.flatMap(({ probeNs = [] }) => probeNs),
      ),
      latencyNs: quantile(
        NEAR_SHARE,
        all.flatMap(({ latencyNs = [] }) => latencyNs),
      ),
    };
  }
}
