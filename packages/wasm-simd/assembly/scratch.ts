import { BLOCK, SCRATCH } from "./block";

/**
 * A thread's scratch: that of `exponentials`, a block of widened logits and one of probabilities, the shift of each block, and in half
 * precision the row's gradient before it is rounded, from the beginning of a cache line.
 */
export const LOGITS: usize = SCRATCH;
export const PROBABILITIES: usize = LOGITS + BLOCK * 4;
export const SHIFTS: usize = PROBABILITIES + BLOCK * 4;

// @ts-ignore: decorator
@inline
export function unrounded(classes: usize): usize {
  return (SHIFTS + (classes / BLOCK + 1) * 8 + 63) & ~63;
}

/** Bytes of scratch that each thread needs; `half`: those of a row of the gradient, too, before it is rounded. */
export function scratchSize(classes: usize, half: bool): usize {
  return (unrounded(classes) + (half ? classes * 4 : 0) + 63) & ~63;
}
