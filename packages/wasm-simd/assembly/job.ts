/** The types that matrices are stored in; as in `src/module.ts`. */
export const FLOAT32 = 0;
export const FLOAT64 = 1;
export const FLOAT16 = 2;
export const BFLOAT16 = 3;

/** The parts in which a row that is split is computed; see `split.ts`. */
export const MAXIMA = 0;
export const EXPONENTIALS = 1;
export const GRADIENT = 2;

/** A computation: in shared memory, written by the thread that asks, read by all. Pointers of 0: there is none. */
@unmanaged
export class Job {
  /** `[rows, classes]`. */
  logits: usize;
  /** `[rows]`, int32. */
  labels: usize;
  /** `[rows, classes]`. */
  probabilities: usize;
  /** `[classes]`; in half precision, as float32. */
  weights: usize;
  /** `[rows]`; without, each is 1. In half precision, as float32. */
  upstream: usize;
  /** `[rows, classes]`; without, the losses are all that is wanted. */
  gradient: usize;
  /** `[rows]`, float64. */
  losses: usize;
  /** For each thread `scratchSize` bytes; see `scratch.ts`. */
  scratch: usize;
  scratchSize: usize;
  classes: usize;
  /** The number of items that threads take: rows, or blocks of one that is split. */
  items: usize;
  /** As many rows of each matrix are here at a time: row n is at n modulo that. All of them, where it is used in place. */
  logitsRows: usize;
  probabilitiesRows: usize;
  gradientRows: usize;
  /** Items that a thread takes at a time. */
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
  /** True if exponentials are pairs; see `pairs.ts`. */
  twoPass: bool;
  dtype: i32;
  /** `splitSize` bytes, where rows are split. */
  split: usize;
  /** Of the row that is split: its place, and the present part. */
  row: usize;
  part: i32;
  /** Its largest logit, and what exponentials and targets are multiplied by. */
  rowMaximum: f64;
  factor: f64;
  share: f64;
  /** The sum of its exponentials, without the label's; where every class counts, Σ q, Σ q z, and the sum of its gradient. */
  sum: f64;
  ofTargets: f64;
  ofProducts: f64;
  ofGradient: f64;
  /** Written by any thread: a probability is negative, infinite or NaN. */
  isImproper: bool;
}

// Data has the same address in every instance that shares the memory.
export const job = changetype<Job>(memory.data(offsetof<Job>(), 64));
