import { BLOCK, exponentials } from "./block";
import { BFLOAT16, FLOAT16, job } from "./job";
import { scratchSize } from "./scratch";
import { BLOCKS_AT_A_TIME } from "./split";
import { BFloat16, Float16, narrow, widen } from "./storage";

export { addProduct, multiplyTransposed } from "./linear";
export { beginSplit, endPart } from "./parts";
export { scratchSize } from "./scratch";
export { splitSize } from "./split";

export {
  chunkWord,
  closeJob,
  computeChunk,
  isAtWork,
  isChunkDone,
  openJob,
  publishRows,
  serve,
  spinUntilChunkDone,
  spinWhileAtWork,
  stateWord,
  stop,
} from "./threads";

/** The first address that is free; memory before it belongs to this module. */
export function heapStart(): usize {
  return __heap_base;
}

/** Stores `count` numbers in half precision as float32. */
export function widenAll(dtype: i32, from: usize, count: usize, to: usize): void {
  if (dtype == BFLOAT16) widen<BFloat16>(from, count, to);
  else widen<Float16>(from, count, to);
}

/** Rounds `count` float32 to half precision. */
export function narrowAll(dtype: i32, from: usize, count: usize, to: usize): void {
  if (dtype == BFLOAT16) narrow<BFloat16>(from, count, to);
  else narrow<Float16>(from, count, to);
}

/** exp(x) of `count` float32 or float64 at `x`, each ≤ 0, by either way of `exp.ts`; `scratch` as `Job` has it. */
export function exp(double: bool, normal: bool, x: usize, count: usize, out: usize, scratch: usize): void {
  if (double) expOfAll<f64>(normal, x, count, out, scratch);
  else expOfAll<f32>(normal, x, count, out, scratch);
}

function expOfAll<T>(normal: bool, x: usize, count: usize, out: usize, scratch: usize): void {
  const least: f64 = normal ? 0 : -Infinity;
  for (let done: usize = 0; done < count; done += BLOCK) {
    const offset = done * sizeof<T>();
    const length = min(BLOCK, count - done);
    exponentials<T>(x + offset, length, length, out + offset, 0, least, scratch);
  }
}

/** Says what is to be computed: this first, then `place`, then `divide`. See `Job`. */
export function describe(
  dtype: i32,
  rows: usize,
  classes: usize,
  labels: usize,
  weights: usize,
  upstream: usize,
  losses: usize,
  divisor: f64,
  smoothing: f64,
  hasIgnored: bool,
  ignored: i32,
  exactTarget: bool,
  twoPass: bool,
): void {
  job.dtype = dtype;
  job.items = rows;
  job.classes = classes;
  job.labels = labels;
  job.weights = weights;
  job.upstream = upstream;
  job.losses = losses;
  job.divisor = divisor;
  job.keep = 1 - smoothing;
  job.even = smoothing / <f64>classes;
  job.hasIgnored = hasIgnored;
  job.ignored = ignored;
  job.exactTarget = exactTarget;
  job.twoPass = twoPass;
  job.isImproper = false;
}

/** True if a probability was seen that is negative, infinite or NaN. */
export function isImproper(): bool {
  return job.isImproper;
}

/** Sets the addresses of the matrices. */
export function place(
  logits: usize,
  logitsRows: usize,
  probabilities: usize,
  probabilitiesRows: usize,
  gradient: usize,
  gradientRows: usize,
): void {
  job.logits = logits;
  job.logitsRows = logitsRows;
  job.probabilities = probabilities;
  job.probabilitiesRows = probabilitiesRows;
  job.gradient = gradient;
  job.gradientRows = gradientRows;
  job.dense = probabilities != 0 || job.even != 0;
}

/** Sets the division of the work; `split` as `Job` has it. */
export function divide(chunk: usize, slots: usize, done: usize, scratch: usize, split: usize): void {
  job.split = split;
  job.chunk = split ? BLOCKS_AT_A_TIME : chunk;
  job.slots = slots;
  job.done = done;
  job.scratch = scratch;
  job.scratchSize = scratchSize(job.classes, job.dtype == FLOAT16 || job.dtype == BFLOAT16);
}
