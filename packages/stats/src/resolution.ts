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
 * Standard deviation of the median of n independent normal observations over that of one. (Exact order-statistic
 * variances for n ≤ 6, e.g. David & Nagaraja, Order Statistics, table A; beyond, the asymptotic √(π / 2n).)
 */
const MEDIAN_DEVIATIONS = [1, 1, Math.SQRT1_2, 0.6698, 0.546, 0.5356, 0.4634];

const medianDeviation = (n: number): number => MEDIAN_DEVIATIONS[n] ?? Math.sqrt(Math.PI / (2 * n));

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
  /** Minimum number of processes behind the compared medians; undefined: the length of each list. */
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
  const repeated = processTimes.flatMap((times) =>
    replicateDifferences(times).map((difference) => difference * medianDeviation(processes ?? times.length)),
  );
  const identical = pairs.map(([a, b]) => Math.abs(Math.log(a / b)));
  const bounds = [repeated, identical].flatMap((differences) =>
    differences.length > 0 ? [upperBound(differences)] : [],
  );
  return bounds.length > 0 ? Math.expm1(Math.max(...bounds)) : undefined;
}

/** The resolution between two cells of different groups: their noise adds, half of the square from each. */
export const jointResolution = (a: number, b: number): number =>
  Math.expm1(Math.hypot(Math.log1p(a), Math.log1p(b)) / Math.SQRT2);
