import { BLOCK, SCRATCH, sumOfExponentials } from "./block";
import { job } from "./job";

export { compute, isRunning, serve, stateOf, stop } from "./threads";

/** Where memory is free from; what is before belongs to this module. */
export function heapStart(): usize {
  return __heap_base;
}

/** Bytes of scratch that each thread needs. */
export function scratchSize(classes: usize): usize {
  // Two runs of blocks, before and behind the label.
  const blocks = classes / BLOCK + 2;
  return (SCRATCH + blocks * 8 + 63) & ~63;
}

/** exp(x) of `count` float32 or float64 at `x`, each ≤ 0, by either way of `exp.ts`; `scratch` as `compute` has it. */
export function exp(double: bool, normal: bool, x: usize, count: usize, out: usize, scratch: usize): void {
  if (double) expOfAll<f64>(normal, x, count, out, scratch);
  else expOfAll<f32>(normal, x, count, out, scratch);
}

function expOfAll<T>(normal: bool, x: usize, count: usize, out: usize, scratch: usize): void {
  for (let done: usize = 0; done < count; done += BLOCK) {
    const offset = done * sizeof<T>();
    const length = min(BLOCK, count - done);
    if (normal) sumOfExponentials<T>(x + offset, length, out + offset, 0, scratch, true);
    else sumOfExponentials<T>(x + offset, length, out + offset, 0, scratch, false);
  }
}

/** Says what `compute` computes: the fields of `Job`. */
export function describe(
  double: bool,
  rows: usize,
  classes: usize,
  logits: usize,
  labels: usize,
  probabilities: usize,
  weights: usize,
  upstream: usize,
  gradient: usize,
  losses: usize,
  scratch: usize,
  divisor: f64,
  smoothing: f64,
  hasIgnored: bool,
  ignored: i32,
  exactTarget: bool,
): void {
  job.double = double;
  job.rows = rows;
  job.classes = classes;
  job.logits = logits;
  job.labels = labels;
  job.probabilities = probabilities;
  job.weights = weights;
  job.upstream = upstream;
  job.gradient = gradient;
  job.losses = losses;
  job.scratch = scratch;
  job.scratchSize = scratchSize(classes);
  job.divisor = divisor;
  job.keep = 1 - smoothing;
  job.even = smoothing / <f64>classes;
  job.hasIgnored = hasIgnored;
  job.ignored = ignored;
  job.dense = probabilities != 0 || smoothing != 0;
  job.exactTarget = exactTarget;
  job.chunk = max(1, CHUNK / classes);
}

/** Entries that a thread takes at a time: some 10 µs. */
const CHUNK: usize = 32768;
