import { BLOCK, exponentials, factorBelow, maximum, minimum, normalFactor, scale } from "./block";
import { EXPONENTIALS, MAXIMA, job } from "./job";
import { subtract, sumOfProducts, sumOfTargets, weigh } from "./targets";

/**
 * A row that is split among threads, where there are fewer rows than threads. It is computed in parts, each of which is a job whose items
 * are the row's blocks: the maximum of each block; its exponentials, shifted by the largest logit up to its end, with their sum and those
 * of its targets; its gradient. After each part, the calling thread combines what the blocks have, in their order. So each operation, and
 * the order of each sum, is that of `row.ts`, and results have the same bits. What it costs is that logits are read once more.
 *
 * Rows in half precision and exponentials as pairs are not split: the former are rounded as a whole, of the latter each block takes the
 * reference of the one before.
 */

/** Blocks that a thread takes at a time. A row has at least as many for each of its threads (`ENTRIES_PER_THREAD` of `src/compute.ts`). */
export const BLOCKS_AT_A_TIME: usize = 32;

/** Results of a block so far, in shared memory. */
@unmanaged
class Block {
  /** The largest logit up to the block's end; before all maxima are known, that of the block. */
  shift: f64;
  minimum: f64;
  /** The sum of its exponentials, without the label's. */
  sum: f64;
  /** If every class counts: Σ q, Σ q z, and the sum of its gradient. */
  ofTargets: f64;
  ofProducts: f64;
  ofGradient: f64;
}

// @ts-ignore: decorator
@inline
export function blocksOf(classes: usize): usize {
  return (classes + BLOCK - 1) / BLOCK;
}

// @ts-ignore: decorator
@inline
function blockAt(index: usize): Block {
  return changetype<Block>(job.split + index * offsetof<Block>());
}

/** Bytes that all threads need for a row that is split. */
export function splitSize(classes: usize): usize {
  return blocksOf(classes) * offsetof<Block>();
}

/** Computes blocks of the present part. */
export function computeBlocks<T>(first: usize, end: usize, scratch: usize): void {
  const classes = job.classes;
  const size = classes * sizeof<T>();
  // As `row.ts` has it.
  const label = job.labels ? min(<usize>load<i32>(job.labels + job.row * 4), classes) : classes;
  for (let index = first; index < end; index++) {
    const block = blockAt(index);
    const done = index * BLOCK;
    const length = min(BLOCK, classes - done);
    const offset = done * sizeof<T>();
    const logits = job.logits + (job.row % job.logitsRows) * size + offset;
    if (job.part == MAXIMA) {
      block.shift = maximum<T, T>(logits, length, 0, scratch);
      block.minimum = minimum;
      continue;
    }
    const out = job.gradient ? job.gradient + (job.row % job.gradientRows) * size + offset : scratch;
    const weights = job.weights ? job.weights + offset : 0;
    const targets = job.probabilities ? job.probabilities + (job.row % job.probabilitiesRows) * size + offset : 0;
    if (job.part == EXPONENTIALS) {
      const by = block.shift == -Infinity ? 0 : block.shift;
      block.sum = exponentials<T>(logits, length, label - done, out, by, block.minimum, scratch);
      if (!job.dense) continue;
      weigh<T>(logits, length, weights, targets, job.keep, job.even, job.rowMaximum);
      block.ofTargets = sumOfTargets;
      block.ofProducts = sumOfProducts;
      continue;
    }
    const factor = normalFactor<T>(out, length, factorBelow(job.factor, block.shift, job.rowMaximum));
    if (job.dense) block.ofGradient = subtract<T>(out, length, weights, targets, job.keep, job.even, factor, job.share);
    else scale<T>(out, length, factor);
  }
}

/** Sets the blocks' shifts, and the row's maximum. */
export function combineMaxima(): void {
  let largest: f64 = -Infinity;
  for (let index: usize = 0; index < job.items; index++) {
    const block = blockAt(index);
    if (block.shift > largest) largest = block.shift;
    block.shift = largest;
  }
  job.rowMaximum = largest;
}

/** Adds up what the blocks have of exponentials and targets. */
export function combineSums(): void {
  let largest: f64 = -Infinity;
  let sum: f64 = 0;
  let targets: f64 = 0;
  let products: f64 = 0;
  for (let index: usize = 0; index < job.items; index++) {
    const block = blockAt(index);
    if (block.shift > largest) {
      if (sum != 0) sum *= Math.exp(largest - block.shift);
      largest = block.shift;
    }
    sum += block.sum;
    targets += block.ofTargets;
    products += block.ofProducts;
  }
  job.sum = sum;
  job.ofTargets = targets;
  job.ofProducts = products;
}

/** Adds up what the blocks have of the gradient. */
export function combineGradients(): void {
  let sum: f64 = 0;
  for (let index: usize = 0; index < job.items; index++) sum += blockAt(index).ofGradient;
  job.ofGradient = sum;
}
