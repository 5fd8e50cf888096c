import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { median } from "./robust.js";

/**
 * Change points of the level of a series: hierarchical divisive estimation as in E-divisive (Matteson & James 2014), with
 * permutation tests. Three things differ, for short and noisy series of benchmarks:
 *
 * - The divergence of two segments is the squared distance of their means, E-divisive's at its exponent α = 2, of scores
 *   that are clipped. It takes linear time, and a few wild values are no change.
 * - The split is searched in seeded intervals (Kovács et al. 2023), so that a change that was reverted shows as two.
 * - Permuted series are as autocorrelated as the series: the innovations of an AR(1) process are permuted, not its values
 *   (a sieve bootstrap, Bühlmann 1997). Without autocorrelation that is the ordinary permutation test.
 */
export interface ChangePointOptions {
  /** Correlation of neighbouring values, from 0 and below 1; estimated from the series alone by default. */
  readonly autocorrelation?: number;
  /** Seed of the permutations. */
  readonly seed?: number;
}

/** Fewest values on either side of a change. */
const FEWEST_PER_SIDE = 3;
/** Fewest values in which a change can be significant: ten have 252 halves, of which 999 permutations draw the same ones. */
export const FEWEST_TO_SPLIT = 12;
/** Permutations that must all be less divided than the series, which makes p at most 1/1000. */
const PERMUTATIONS = 999;
/** Scores end here, in standard deviations. */
const CLIP = 5;
/** Intervals are not searched below this length: many short ones would only raise the level of chance. */
const SHORTEST_INTERVAL = 20;

/** The indices of values that begin a new level, ascending. @param values finite */
export function findChangePoints(
  values: readonly number[],
  { autocorrelation = sharedAutocorrelation([values]), seed = 0 }: ChangePointOptions = {},
): number[] {
  const found: number[] = [];
  const search = (from: number, to: number): void => {
    if (to - from < FEWEST_TO_SPLIT) return;
    const scores = toScores(values.slice(from, to));
    if (!scores) return;
    const intervals = seededIntervals(scores.length);
    const split = strongestSplit(scores, intervals);
    if (!isBeyondChance(scores, split.divergence, intervals, autocorrelation, seed)) return;
    const at = from + split.index;
    search(from, at);
    found.push(at);
    search(at, to);
  };
  search(0, values.length);
  return found;
}

/**
 * Correlation of neighbouring values, from 0 to 0.9, of series that share their noise, such as cells of the same runs: the
 * median of their estimates and, as few values estimate too little half the time, the standard error 1/√n for n values in all.
 */
export function sharedAutocorrelation(series: readonly (readonly number[])[]): number {
  const long = series.filter(({ length }) => length >= FEWEST_TO_SPLIT);
  const estimates = long.flatMap((values) => {
    const scores = toScores(values);
    if (!scores) return [];
    return estimateAutocorrelation(scores, strongestSplit(scores, seededIntervals(scores.length)).index);
  });
  if (estimates.length === 0) return 0;
  const count = long.reduce((sum, { length }) => sum + length, 0);
  return Math.max(0, Math.min(0.9, median(estimates) + 1 / Math.sqrt(count)));
}

/** Values in robust standard deviations from their median, clipped; undefined if all are equal. */
function toScores(values: readonly number[]): Float64Array | undefined {
  const centre = median(values);
  // Differences of neighbours do not know of a change of level, except one.
  const steps = values.slice(1).map((value, index) => Math.abs(value - (values[index] as number)));
  const scale = median(steps) / (0.6745 * Math.SQRT2) || smallestStep(steps);
  if (scale === 0) return undefined;
  return Float64Array.from(values, (value) => Math.max(-CLIP, Math.min(CLIP, (value - centre) / scale)));
}

const smallestStep = (steps: readonly number[]): number => {
  const moved = steps.filter((step) => step > 0);
  return moved.length ? Math.min(...moved) / CLIP : 0;
};

interface Interval {
  readonly from: number;
  readonly to: number;
  /** (l + r)/(l·r) by the number l of values on the left. */
  readonly weights: Float64Array;
}

/** The whole, then halves that overlap by half, down to the shortest. */
function seededIntervals(length: number): Interval[] {
  const weights = new Map<number, Float64Array>();
  const interval = (from: number, to: number): Interval => {
    const size = to - from;
    const own =
      weights.get(size) ?? Float64Array.from({ length: size }, (_, left) => size / (left * (size - left)));
    weights.set(size, own);
    return { from, to, weights: own };
  };
  const intervals = [interval(0, length)];
  for (let parts = 2; length / parts >= SHORTEST_INTERVAL; parts *= 2) {
    const size = length / parts;
    for (let half = 0; half <= 2 * (parts - 1); half++) {
      const from = Math.round((half * size) / 2);
      intervals.push(interval(from, Math.min(length, Math.round(from + size))));
    }
  }
  return intervals;
}

interface Split {
  /** Index of the first value of the right side. */
  readonly index: number;
  readonly divergence: number;
}

/**
 * The split with the largest divergence l·r/(l + r) · (mean of left − mean of right)², over all intervals.
 */
function strongestSplit(scores: Float64Array, intervals: readonly Interval[]): Split {
  let [index, divergence] = [FEWEST_PER_SIDE, -1];
  for (const { from, to, weights } of intervals) {
    const length = to - from;
    let total = 0;
    for (let i = from; i < to; i++) total += scores[i] as number;
    const mean = total / length;
    // The sum of the left values' distances from the mean of all: l·r/(l + r) times the difference of both means.
    let excess = 0;
    for (let size = 1; size <= length - FEWEST_PER_SIDE; size++) {
      excess += (scores[from + size - 1] as number) - mean;
      const here = excess * excess * (weights[size] as number);
      if (here > divergence && size >= FEWEST_PER_SIDE) [index, divergence] = [from + size, here];
    }
  }
  return { index, divergence };
}

/**
 * Correlation of neighbours, estimated from how much more values differ from the next but one than from the next: in an
 * AR(1) process the mean squares are in the ratio 1 + ρ. A change of level would look like memory, so differences across
 * the candidate do not count.
 */
function estimateAutocorrelation(scores: Float64Array, split: number): number {
  const spread = (lag: number): number => {
    let [sum, count] = [0, 0];
    for (let i = 0; i + lag < scores.length; i++) {
      if (i < split && i + lag >= split) continue;
      sum += Math.abs((scores[i + lag] as number) - (scores[i] as number));
      count++;
    }
    return sum / count;
  };
  const near = spread(1);
  return near === 0 ? 0 : (spread(2) / near) ** 2 - 1;
}

/** True if no permutation is divided as much. Most series fail this after a few, and cost little. */
function isBeyondChance(
  scores: Float64Array,
  divergence: number,
  intervals: readonly Interval[],
  memory: number,
  seed: number,
): boolean {
  const random = xoroshiro128plus(seed);
  const innovations = scores.map((score, index) =>
    index === 0 ? score * Math.sqrt(1 - memory * memory) : score - memory * (scores[index - 1] as number),
  );
  const drawn = new Float64Array(scores.length);
  for (let permutation = 0; permutation < PERMUTATIONS; permutation++) {
    for (let i = innovations.length - 1; i > 0; i--) {
      const j = Math.floor(((random.next() >>> 0) / 2 ** 32) * (i + 1));
      const kept = innovations[i] as number;
      innovations[i] = innovations[j] as number;
      innovations[j] = kept;
    }
    drawn[0] = (innovations[0] as number) / Math.sqrt(1 - memory * memory);
    for (let i = 1; i < drawn.length; i++) {
      drawn[i] = memory * (drawn[i - 1] as number) + (innovations[i] as number);
    }
    if (strongestSplit(drawn, intervals).divergence >= divergence * (1 - 1e-12)) return false;
  }
  return true;
}
