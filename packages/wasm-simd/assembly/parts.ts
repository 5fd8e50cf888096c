import { EXPONENTIALS, FLOAT16, FLOAT32, FLOAT64, GRADIENT, MAXIMA, job } from "./job";
import { row, takesTwoRows, twoRows } from "./row";
import { blocksOf, combineGradients, combineMaxima, combineSums, computeBlocks } from "./split";
import { BFloat16, Float16 } from "./storage";

/** Computes the items from `first` to `end`: rows, or blocks of one that is split. */
export function computeItems(first: usize, end: usize, scratch: usize): void {
  if (!job.split) {
    computeRows(first, end, scratch);
    return;
  }
  if (job.dtype == FLOAT64) computeBlocks<f64>(first, end, scratch);
  else computeBlocks<f32>(first, end, scratch);
}

function computeRows(first: usize, end: usize, scratch: usize): void {
  const two = takesTwoRows();
  for (let index = first; index < end; index++) {
    const both = two && index + 1 < end;
    if (job.dtype == FLOAT32) {
      if (both && twoRows<f32>(index, scratch)) index++;
      else row<f32, f32>(index, scratch);
    } else if (job.dtype == FLOAT64) {
      if (both && twoRows<f64>(index, scratch)) index++;
      else row<f64, f64>(index, scratch);
    }
    else if (job.dtype == FLOAT16) row<f32, Float16>(index, scratch);
    else row<f32, BFloat16>(index, scratch);
  }
}

/** Begins a row that is split. Returns the number of blocks of its first part, or 0 if the row is ignored, and so complete. */
export function beginSplit(index: usize): usize {
  job.row = index;
  if (job.labels && job.hasIgnored && load<i32>(job.labels + index * 4) == job.ignored) return conclude();
  return enter(MAXIMA);
}

/** Ends a part, of which all blocks are computed. Returns the number of blocks of the next part, or 0 if the row is complete. */
export function endPart(): usize {
  if (job.part == MAXIMA) {
    combineMaxima();
    return enter(EXPONENTIALS);
  }
  if (job.part == GRADIENT) {
    combineGradients();
    return conclude();
  }
  combineSums();
  conclude();
  return job.gradient ? enter(GRADIENT) : 0;
}

function enter(part: i32): usize {
  job.part = part;
  job.items = blocksOf(job.classes);
  return job.items;
}

/** Computes what of a row is not the blocks'. */
function conclude(): usize {
  computeRows(job.row, job.row + 1, job.scratch);
  return 0;
}
