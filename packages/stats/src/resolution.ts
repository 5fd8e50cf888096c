import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { median } from "./robust.js";

/**
 * The resolution of a measurement: the difference between times of identical code, as a ratio minus 1: 0.03 is 3 %.
 *
 * It comes from replicates, which cost only time, without assumptions on the noise:
 * - repeated processes: the same cell in two processes is the same code, so the difference of its two times is noise;
 * - A/A pairs: identical code measured twice as if it were two cells, in the same processes, at separate places in the
 *   order.
 */

/** Share of identical pairs that lie within the resolution. */
const COVERED = 0.95;

/**
 * The 97.5 % quantile of Student's t with 1, 2, … degrees of freedom: |t| is below it with 95 % probability (NIST/SEMATECH e-Handbook of
 * Statistical Methods, 1.3.6.7.2). From 19 differences on, an order statistic covers as much.
 */
const STUDENT_QUANTILES = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101,
];

/**
 * An upper bound of a new difference of the same kind with at least 95 % probability: the order statistic of rank ⌈0.95
 * (n + 1)⌉. The largest of fewer than 19 covers less, n / (n + 1). There, differences count as normally distributed about 0,
 * and Student's t with n degrees of freedom widens the bound, but not beyond what holds without any.
 *
 * @param assumed the bound without any difference
 */
function upperBound(differences: readonly number[], assumed: number): number {
  const count = differences.length;
  const largest = Math.max(...differences);
  const quantile = STUDENT_QUANTILES[count - 1];
  if (quantile !== undefined) {
    const rms = Math.sqrt(differences.reduce((sum, difference) => sum + difference ** 2, 0) / count);
    return Math.max(largest, Math.min(quantile * rms, assumed));
  }
  const rank = Math.ceil(COVERED * (count + 1));
  return differences.toSorted((a, b) => a - b)[rank - 1] as number;
}

/** |ln(a / b)| of every pair of processes of one cell: differences between single observations of the same code. */
export const replicateDifferences = (processTimes: readonly number[]): number[] =>
  processTimes.flatMap((a, index) => processTimes.slice(index + 1).map((b) => Math.abs(Math.log(a / b))));

export interface Replicates {
  /** Times of the same code, a list per cell with an entry per process; the cells form a group with similar noise. */
  readonly processTimes: readonly (readonly number[])[];
  /** Number of processes behind each of the compared medians; undefined: the length of the longest list. */
  readonly processes?: number | undefined;
  /** Times of identical code, each a median over the processes. */
  readonly pairs: readonly (readonly [number, number])[];
  /** The resolution without any replicate, as a ratio minus 1: a few can make it larger, not their small number alone. */
  readonly assumed: number;
}

/**
 * The resolution of medians over processes: the 95 % quantile of |ln ratio| of identical code, from repeated processes and
 * A/A pairs.
 *
 * Of one process, and of the mean of two, both are differences of the same kind, and make one sample. Medians of more are
 * drawn: a median leaves out single processes that took much longer, which scaled differences of two do not. A/A pairs
 * are too few beside those, so the largest of them counts if it is larger.
 *
 * @returns undefined if there are fewer than 2 processes and no pair: the resolution is then unknown
 */
export function estimateResolution(replicates: Replicates): number | undefined {
  const { processTimes, processes, pairs, assumed } = replicates;
  const count = processes ?? Math.max(1, ...processTimes.map(({ length }) => length));
  const identical = pairs.map(([a, b]) => Math.abs(Math.log(a / b)));
  const repeated = processTimes.flatMap(replicateDifferences);
  if (count > 2 && repeated.length > 0) {
    const drawn = upperBound(drawMedianDifferences(processTimes, count), Math.log1p(assumed));
    return Math.expm1(Math.max(drawn, ...identical));
  }
  const scale = count === 2 ? Math.SQRT1_2 : 1;
  const differences = [...repeated.map((difference) => difference * scale), ...identical];
  return differences.length > 0 ? Math.expm1(upperBound(differences, Math.log1p(assumed))) : undefined;
}

/** Enough for the 95 % quantile to be within a few percent of itself. */
const DRAWS = 1000;

/** Bootstrap of the difference of two medians (Efron & Tibshirani 1993), from the deviations of all cells. The same for the same times. */
function drawMedianDifferences(processTimes: readonly (readonly number[])[], count: number): number[] {
  const deviations = processTimes.flatMap(deviationsFromMedian);
  const generator = xoroshiro128plus(1);
  const draw = () => deviations[(generator.next() >>> 0) % deviations.length] as number;
  const drawMedian = () => median(Array.from({ length: count }, draw));
  return Array.from({ length: DRAWS }, () => Math.abs(drawMedian() - drawMedian()));
}

/** Deviations of logarithms of a cell's times from their median, √(n / (n − 1)) times as large, since the median is their own. */
function deviationsFromMedian(times: readonly number[]): number[] {
  if (times.length < 2) return [];
  const logarithms = times.map(Math.log);
  const middle = median(logarithms);
  const scale = Math.sqrt(times.length / (times.length - 1));
  return logarithms.map((value) => (value - middle) * scale);
}
