import { errorFunction, mean, sampleVariance, wilcoxonRankSum } from "simple-statistics";

/** Tests of two independent groups of values, one-sided, in the normal approximation of larger groups. */

/** P(standard normal > z). */
const upperTail = (z: number): number => (1 - errorFunction(z / Math.SQRT2)) / 2;

/** The p-value of Welch's t-test (Welch 1947): small if the mean after is the larger one. 1 for fewer than two values of either. */
export function welchTest(before: readonly number[], after: readonly number[]): number {
  if (Math.min(before.length, after.length) < 2) return 1;
  const variance = (values: readonly number[]) => sampleVariance([...values]) / values.length;
  const difference = mean([...after]) - mean([...before]);
  return upperTail(difference / Math.sqrt(variance(before) + variance(after)));
}

/**
 * The p-value of the rank-sum test (Wilcoxon 1945; Mann & Whitney 1947): small if the values after are the larger ones. 1 for
 * fewer than two values of either.
 */
export function rankSumTest(before: readonly number[], after: readonly number[]): number {
  const [m, n] = [before.length, after.length];
  if (Math.min(m, n) < 2) return 1;
  const expected = (n * (m + n + 1)) / 2;
  const deviation = Math.sqrt((m * n * (m + n + 1)) / 12);
  return upperTail((wilcoxonRankSum([...after], [...before]) - expected) / deviation);
}
