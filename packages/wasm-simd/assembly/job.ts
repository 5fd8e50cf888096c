/** A computation: in shared memory, written by the thread that asks, read by all. Pointers of 0: there is none. */
@unmanaged
export class Job {
  /** `[rows, classes]`. */
  logits: usize;
  /** `[rows]`, int32. */
  labels: usize;
  /** `[rows, classes]`. */
  probabilities: usize;
  /** `[classes]`. */
  weights: usize;
  /** `[rows]`; without, each is 1. */
  upstream: usize;
  /** `[rows, classes]`; without, the losses are all that is wanted. */
  gradient: usize;
  /** `[rows]`, float64. */
  losses: usize;
  /** For each thread `scratchSize` bytes: those of `exponentials` for a block, then the shift of each block of a row. */
  scratch: usize;
  scratchSize: usize;
  rows: usize;
  classes: usize;
  /** As many rows of each matrix are here at a time: row n is at n modulo that. All of them, where it is used in place. */
  logitsRows: usize;
  probabilitiesRows: usize;
  gradientRows: usize;
  /** Rows that a thread takes at a time. */
  chunk: usize;
  /** Chunks that are here at a time, where rows pass through. */
  slots: usize;
  /** `[slots]`, int32: for chunk n, at n modulo `slots`, n + 1 when it is done. */
  done: usize;
  /** The divisor of the sum of the rows' losses. */
  divisor: f64;
  /** 1 − ε of label smoothing. */
  keep: f64;
  /** ε / classes. */
  even: f64;
  ignored: i32;
  hasIgnored: bool;
  /** True if classes other than the label count. */
  dense: bool;
  /** True if the label's entry is minus the sum of the others; else p Σq − q. */
  exactTarget: bool;
  double: bool;
  /** Written by any thread: a probability is negative, infinite or NaN. */
  isImproper: bool;
}

// Data has the same address in every instance that shares the memory.
export const job = changetype<Job>(memory.data(offsetof<Job>(), 64));
