import { errorFunction, mean, sampleVariance, wilcoxonRankSum } from "simple-statistics";

/** Tests of two independent groups of values, one-sided, in the normal approximation of larger groups. */

/** P(standard normal > z). */
const upperTail = (z: number): number => (1 - errorFunction(z / Math.SQRT2)) / 2;

/** A difference in standard deviations. 0 where there is none, even if all values are equal and their variance is 0. */
const standardised = (difference: number, variance: number): number =>
  difference === 0 ? 0 : difference / Math.sqrt(variance);

/** The p-value of Welch's t-test (Welch 1947): small if the mean after is the larger one. 1 for fewer than two values of either. */
export function welchTest(before: readonly number[], after: readonly number[]): number {
  if (Math.min(before.length, after.length) < 2) return 1;
  const variance = (values: readonly number[]) => sampleVariance([...values]) / values.length;
  const difference = mean([...after]) - mean([...before]);
  return upperTail(standardised(difference, variance(before) + variance(after)));
}

/**
 * The p-value of the rank-sum test (Wilcoxon 1945; Mann & Whitney 1947), whose variance is corrected for equal values (Lehmann 1975), as
 * that of R's `wilcox.test(correct = FALSE)`: small if the values after are the larger ones. 1 for fewer than two values of either.
 */
export function rankSumTest(before: readonly number[], after: readonly number[]): number {
  const [m, n] = [before.length, after.length];
  if (Math.min(m, n) < 2) return 1;
  const all = m + n;
  const expected = (n * (all + 1)) / 2;
  const variance = ((m * n) / 12) * (all + 1 - tieTerm([...before, ...after]) / (all * (all - 1)));
  return upperTail(standardised(wilcoxonRankSum([...after], [...before]) - expected, variance));
}

/** The sum of t³ − t over the groups of t equal values. */
function tieTerm(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts.values()].reduce((sum, t) => sum + t ** 3 - t, 0);
}
