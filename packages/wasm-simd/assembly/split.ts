import { BLOCK, exponentials, maximum, minimum, scale } from "./block";
import { EXPONENTIALS, FLOAT16, FLOAT32, FLOAT64, GRADIENT, MAXIMA, TARGETS, job } from "./job";
import {
  LOGITS,
  addTargets,
  beginLoss,
  factorBelow,
  factorOfRow,
  findRow,
  gradient,
  ignoreRow,
  label,
  normalFactor,
  prepareTargets,
  setSum,
  shareOfRow,
  storeLabelEntry,
  storeLoss,
  subtractBlock,
  values,
  weighBlock,
  x,
} from "./row";
import { BFloat16, Float16, isHalf, narrow, widen } from "./storage";
import { sumOfProducts, sumOfTargets } from "./targets";

/**
 * A row that is split among threads, where there are fewer rows than threads. It is computed in parts, each of which is a job whose items
 * are the row's blocks: the maximum of each block; its exponentials, shifted by the largest logit up to its end, and their sum; where
 * every class counts, its sums of targets; its gradient. Between two parts, the calling thread combines what the blocks have, one after
 * the other. So each operation, and the order of each sum, is that of `row.ts`, and results have the same bits. What it costs is that
 * logits are read once more.
 */

/** Blocks that a thread takes at a time: as many entries as it takes of whole rows. */
export const BLOCKS_AT_A_TIME: usize = 16;

/** What is known of a block, in shared memory. */
@unmanaged
class Block {
  /** The largest logit up to the block's end; before all maxima are known, that of the block. */
  shift: f64;
  minimum: f64;
  /** The sum of its exponentials, without the label's; in the end, of its gradient. */
  sum: f64;
  /** Σ q and Σ q z. */
  ofTargets: f64;
  ofProducts: f64;
}

// @ts-ignore: decorator
@inline
function blocksOf(classes: usize): usize {
  return (classes + BLOCK - 1) / BLOCK;
}

// @ts-ignore: decorator
@inline
function blockAt(index: usize): Block {
  return changetype<Block>(job.split + index * offsetof<Block>());
}

/** The address of the gradient before it is rounded, in half precision. */
// @ts-ignore: decorator
@inline
function unroundedRow(): usize {
  return job.split + blocksOf(job.classes) * offsetof<Block>();
}

/** Bytes that all threads need for a row that is split; `half`: those of its gradient, too, before it is rounded. */
export function splitSize(classes: usize, half: bool): usize {
  return blocksOf(classes) * offsetof<Block>() + (half ? classes * 4 : 0);
}

/** Begins a row. Returns the number of blocks of its first part, or 0 for a row that is ignored, and so complete. */
export function beginSplit(row: usize): usize {
  job.row = row;
  if (job.dtype == FLOAT32) return begin<f32, f32>();
  if (job.dtype == FLOAT64) return begin<f64, f64>();
  if (job.dtype == FLOAT16) return begin<f32, Float16>();
  return begin<f32, BFloat16>();
}

/** Ends a part, of which all blocks are computed. Returns the number of blocks of the next part, or 0 if the row is complete. */
export function endPart(): usize {
  if (job.dtype == FLOAT32) return end<f32, f32>();
  if (job.dtype == FLOAT64) return end<f64, f64>();
  if (job.dtype == FLOAT16) return end<f32, Float16>();
  return end<f32, BFloat16>();
}

/** Computes blocks of the present part. */
export function computeBlocks<T, S>(first: usize, end: usize, scratch: usize): void {
  findRow<T, S>(job.row, unroundedRow());
  for (let index = first; index < end; index++) {
    const block = blockAt(index);
    const done = index * BLOCK;
    const length = min(BLOCK, job.classes - done);
    if (job.part == MAXIMA) {
      block.shift = maximum<T, S>(x + done * sizeof<S>(), length, scratch + LOGITS);
      block.minimum = minimum;
    } else if (job.part == EXPONENTIALS) {
      const logits = widen<S>(x + done * sizeof<S>(), length, scratch + LOGITS);
      const out = values ? values + done * sizeof<T>() : scratch;
      // As in `row.ts`.
      const by = block.shift == -Infinity ? 0 : block.shift;
      block.sum = exponentials<T>(logits, length, label - done, out, by, block.minimum, scratch);
    } else if (job.part == TARGETS) {
      weighBlock<T, S>(done, length, job.rowMaximum, scratch);
      block.ofTargets = sumOfTargets;
      block.ofProducts = sumOfProducts;
    } else computeGradient<T, S>(block, done, length, scratch);
  }
}

function computeGradient<T, S>(block: Block, done: usize, length: usize, scratch: usize): void {
  const factor = factorBelow(job.factor, block.shift, job.rowMaximum);
  if (job.dense) block.sum = subtractBlock<T, S>(done, length, factor, job.share, scratch);
  else {
    const entries = values + done * sizeof<T>();
    scale<T>(entries, length, normalFactor<T>(entries, length, factor));
  }
  if (isHalf<S>()) narrow<S>(values + done * sizeof<T>(), length, gradient + done * sizeof<S>());
}

function begin<T, S>(): usize {
  if (findRow<T, S>(job.row, unroundedRow())) return enter(MAXIMA);
  ignoreRow<S>();
  return 0;
}

function end<T, S>(): usize {
  if (job.part == MAXIMA) {
    combineMaxima();
    return enter(EXPONENTIALS);
  }
  if (job.part == EXPONENTIALS) {
    combineSums();
    beginLoss<T>();
    if (!job.dense) return enterGradient();
    prepareTargets<T, S>(job.scratch);
    return enter(TARGETS);
  }
  if (job.part == TARGETS) {
    combineTargets();
    return enterGradient();
  }
  storeLabelEntry<T>(job.dense ? sumOfGradient() : 0);
  if (isHalf<S>() && label < job.classes) {
    narrow<S>(values + label * sizeof<T>(), 1, gradient + label * sizeof<S>());
  }
  return 0;
}

function enter(part: i32): usize {
  job.part = part;
  job.items = blocksOf(job.classes);
  return job.items;
}

/** The loss is complete; the gradient follows, if it is wanted. */
function enterGradient(): usize {
  storeLoss();
  if (!gradient) return 0;
  job.factor = factorOfRow();
  job.share = shareOfRow();
  return enter(GRADIENT);
}

function combineMaxima(): void {
  let largest: f64 = -Infinity;
  for (let index: usize = 0; index < job.items; index++) {
    const block = blockAt(index);
    if (block.shift > largest) largest = block.shift;
    block.shift = largest;
  }
}

function combineSums(): void {
  let largest: f64 = -Infinity;
  let sum: f64 = 0;
  for (let index: usize = 0; index < job.items; index++) {
    const block = blockAt(index);
    if (block.shift > largest) {
      if (sum != 0) sum *= Math.exp(largest - block.shift);
      largest = block.shift;
    }
    sum += block.sum;
  }
  setSum(largest, sum);
  job.rowMaximum = largest;
}

function combineTargets(): void {
  let targets: f64 = 0;
  let products: f64 = 0;
  for (let index: usize = 0; index < job.items; index++) {
    const block = blockAt(index);
    targets += block.ofTargets;
    products += block.ofProducts;
  }
  addTargets(targets, products);
}

function sumOfGradient(): f64 {
  let sum: f64 = 0;
  for (let index: usize = 0; index < job.items; index++) sum += blockAt(index).sum;
  return sum;
}
