import { median } from "./robust.js";

/** The difference of level between two groups of values, in their unit, and its interval of 95 %. */
export interface Shift {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
}

/** The quantile of the normal distribution for 95 %. */
const Z = 1.959964;

/**
 * The Hodges–Lehmann estimate of the shift from one group to another, the median of all differences between them, with
 * the interval that belongs to the rank-sum test (Hollander & Wolfe, Nonparametric Statistical Methods, §4.3; normal
 * approximation). Autocorrelated values know less: the variance grows by (1 + ρ)/(1 − ρ). With too few values the interval
 * is the range of the differences.
 *
 * @throws RangeError on an empty group
 */
export function estimateShift(
  before: readonly number[],
  after: readonly number[],
  autocorrelation = 0,
): Shift {
  const differences = Float64Array.from(before.flatMap((b) => after.map((a) => a - b))).sort();
  const [m, n] = [before.length, after.length];
  const inflation = (1 + autocorrelation) / (1 - autocorrelation);
  const deviation = Math.sqrt(((m * n * (m + n + 1)) / 12) * inflation);
  const rank = Math.max(1, Math.round((m * n) / 2 - Z * deviation));
  return {
    estimate: median([...differences]),
    low: differences[rank - 1] as number,
    high: differences[differences.length - rank] as number,
  };
}
