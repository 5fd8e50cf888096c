/** How one phase of one cell is sampled. Times in nanoseconds. */
export interface SamplingLimits {
  /** Windows of samples are taken until they are steady, or until this much time is used up. */
  readonly settleNs: number;
  /** Besides, as long as others share the processor core, until they have done so for this long. */
  readonly patienceNs: number;
  /** A window takes at least this long … */
  readonly windowNs: number;
  /** … and holds at least this many samples … */
  readonly minSamples: number;
  /** … but a slow phase's ends when this is used up: then it holds fewer … */
  readonly mostWindowNs: number;
  /** … though never fewer than this. */
  readonly fewestSamples: number;
  readonly maxSamples: number;
  /** A sample is the mean of as many calls as fit in this time, of one if none does. */
  readonly batchNs: number;
}

/** How one cell is sampled in one process: a part of a request to a worker, as data. */
export interface Sampling {
  /** Time of the throughput probe on an undisturbed core, in nanoseconds, as far as the run knows. */
  readonly probeNs?: number | undefined;
  /** `all` phases; `ranked`: those that tables rank, without `forward`; `gradient` alone. */
  readonly phases: "all" | "ranked" | "gradient";
  /** A cell whose gradient takes longer, in nanoseconds, is measured by a few round trips only. */
  readonly singleShotAboveNs: number;
  /** Round trips of a slow cell, after one that does not count. */
  readonly singleShots: number;
  /** The gradient is what the tables rank; the other phases get a smaller share. */
  readonly limits: { readonly gradient: SamplingLimits; readonly other: SamplingLimits };
}
