/**
 * Exact one-sided test that paired differences are not centred above 0: the probability that flipping the signs of the
 * differences at random gives a statistic at least as large. The statistic is the sum of the ranks of the positive ones
 * (Wilcoxon's signed-rank statistic), so that one outlier weighs no more than the largest rank. Equal magnitudes share
 * their ranks; differences of 0 do not count.
 *
 * If the roles in each pair were drawn at random and the two do not differ, each sign is as likely as its opposite. The
 * test is then exact for any noise, including drift and dependence (Fisher's randomisation test).
 *
 * @returns p, at least 2⁻ⁿ for n differences; 1 if no difference counts
 */
export function signFlipTest(differences: readonly number[]): number {
  const counted = differences.filter((difference) => difference !== 0);
  const ranks = doubledRanks(counted.map(Math.abs));
  const observed = ranks.reduce((sum, rank, i) => ((counted[i] as number) > 0 ? sum + rank : sum), 0);
  return rankSumDistribution(ranks)
    .subarray(observed)
    .reduce((sum, probability) => sum + probability, 0);
}

/** Twice the rank of each value, which makes the mean ranks of ties whole. */
function doubledRanks(values: readonly number[]): number[] {
  const sorted = values.toSorted((a, b) => a - b);
  return values.map((value) => sorted.indexOf(value) + sorted.lastIndexOf(value) + 2);
}

/** Probability of each sum of ranks, if each rank is included with probability ½. */
export function rankSumDistribution(ranks: readonly number[]): Float64Array {
  const total = ranks.reduce((sum, rank) => sum + rank, 0);
  const distribution = new Float64Array(total + 1);
  distribution[0] = 1;
  for (const rank of ranks) {
    for (let sum = total; sum >= 0; sum--) {
      const without = distribution[sum] as number;
      const withRank = sum >= rank ? (distribution[sum - rank] as number) : 0;
      distribution[sum] = (without + withRank) / 2;
    }
  }
  return distribution;
}
