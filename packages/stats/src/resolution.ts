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
 * An upper bound of a new difference of the same kind with at least 95 % probability: the order statistic of rank ⌈0.95
 * (n + 1)⌉, or the largest if there are too few. Interpolating between ranks would promise more than n differences can.
 */
function upperBound(differences: readonly number[]): number {
  const rank = Math.min(differences.length, Math.ceil(COVERED * (differences.length + 1)));
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
}

/**
 * The resolution of medians over processes: the larger of what repeated processes and A/A pairs show, each the 95 %
 * quantile of |ln ratio|.
 *
 * @returns undefined if there are fewer than 2 processes and no pair: the resolution is then unknown
 */
export function estimateResolution({ processTimes, processes, pairs }: Replicates): number | undefined {
  const count = processes ?? Math.max(1, ...processTimes.map(({ length }) => length));
  const repeated = processTimes.some(({ length }) => length > 1)
    ? medianDifferences(processTimes, count)
    : [];
  const identical = pairs.map(([a, b]) => Math.abs(Math.log(a / b)));
  const bounds = [repeated, identical].flatMap((differences) =>
    differences.length > 0 ? [upperBound(differences)] : [],
  );
  return bounds.length > 0 ? Math.expm1(Math.max(...bounds)) : undefined;
}

/**
 * |ln ratio| of two medians over `count` processes of identical code. For one process, and for the mean of two, these
 * are the observed differences. For more, they are drawn: a median leaves out single processes that took much longer,
 * which scaled differences of two do not.
 */
function medianDifferences(processTimes: readonly (readonly number[])[], count: number): number[] {
  if (count > 2) return drawMedianDifferences(processTimes, count);
  const scale = count === 2 ? Math.SQRT1_2 : 1;
  return processTimes.flatMap((times) => replicateDifferences(times).map((difference) => difference * scale));
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

/** The resolution between two cells of different groups: their noise adds, half of the square from each. */
export const jointResolution = (a: number, b: number): number =>
  Math.expm1(Math.hypot(Math.log1p(a), Math.log1p(b)) / Math.SQRT2);
