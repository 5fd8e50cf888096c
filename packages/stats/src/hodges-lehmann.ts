import type { Interval } from "./interval.js";
import { median } from "./robust.js";
import { rankSumDistribution } from "./sign-flip.js";

/** The centre of differences, and the interval that `signFlipTest` does not reject, in their unit. */
export interface Centre extends Interval {
  readonly estimate: number;
}

/**
 * The Hodges–Lehmann estimate of the centre of differences, the median of their Walsh averages (dᵢ + dⱼ)/2, i ≤ j, and
 * the interval between two of these, symmetric in rank, that covers the centre with at least the given confidence: the
 * two-sided inversion of `signFlipTest` (Hollander & Wolfe, Nonparametric Statistical Methods, §3.3). Below 6
 * differences none reaches 95 %; the interval is then the whole range, with its coverage.
 *
 * @throws RangeError on an empty list.
 */
export function hodgesLehmann(differences: readonly number[], confidence = 0.95): Centre {
  const walsh = Float64Array.from(walshAverages(differences)).sort();
  const distribution = rankSumDistribution(differences.map((_, index) => index + 1));
  // The rank-th smallest average is an end of the interval of all centres with rank sums of at least `rank`.
  let [rank, tail] = [1, distribution[0] as number];
  for (;;) {
    const wider = tail + (distribution[rank] as number);
    if (1 - 2 * wider < confidence || rank >= walsh.length / 2) break;
    tail = wider;
    rank++;
  }
  return {
    estimate: median([...walsh]),
    low: walsh[rank - 1] as number,
    high: walsh[walsh.length - rank] as number,
    coverage: Math.max(0, 1 - 2 * tail),
  };
}

const walshAverages = (values: readonly number[]): number[] =>
  values.flatMap((a, index) => values.slice(index).map((b) => (a + b) / 2));
