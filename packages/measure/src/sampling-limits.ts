import type { CoreTimes } from "./platform.js";

/** The sampling of one phase of one cell. Times in nanoseconds. */
export interface SamplingLimits {
  /** Time that a process samples before a phase may end. The limits of its first phase begin after that. */
  readonly warmUpNs: number;
  /** Time limit for windows of samples to become steady. */
  readonly settleNs: number;
  /** Additional limit on the time in which the cores are disturbed. */
  readonly patienceNs: number;
  /** The shortest time of a window. */
  readonly windowNs: number;
  /** The fewest samples of a window. */
  readonly minSamples: number;
  /** The longest time of a slow phase's window, which then holds fewer samples. */
  readonly mostWindowNs: number;
  /** The fewest samples of such a window. */
  readonly fewestSamples: number;
  readonly maxSamples: number;
  /** Time that the calls of a sample should fit in. A sample is their mean; a longer call is a sample by itself. */
  readonly batchNs: number;
}

/**
 * The sampling of one cell in one process: a part of a request to a worker, as data. The times of probes are those on
 * undisturbed cores, as far as the run knows them.
 */
export interface Sampling extends CoreTimes {
  /** `all` phases; `ranked`: those that tables rank, without `forward`; `gradient` alone. */
  readonly phases: "all" | "ranked" | "gradient";
  /** The gradient time, in nanoseconds, above which a cell is measured by a few round trips only; absent for none. */
  readonly singleShotAboveNs?: number;
  /** Round trips of a slow cell, after one that does not count. */
  readonly singleShots: number;
  /** The tables rank the gradient; the other phases get a smaller share. */
  readonly limits: { readonly gradient: SamplingLimits; readonly other: SamplingLimits };
}
