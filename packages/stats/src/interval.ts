import { logBinomialTail } from "./binomial.js";

/** A range, in the samples' unit, and the probability with which it covers the true median. */
export interface Interval {
  readonly low: number;
  readonly high: number;
  readonly coverage: number;
}

/**
 * The distribution-free interval for a median: the narrowest pair of order statistics, symmetric in rank, that covers
 * it with at least the given confidence. Between the k-th smallest and the k-th largest of n independent samples the
 * coverage is 1 − 2·P(B < k), B ~ Binomial(n, ½), whatever the distribution (David & Nagaraja, Order Statistics, §7.1).
 * Below 6 samples no pair reaches 95 %; the interval is then the whole range, with its coverage.
 *
 * @throws RangeError on an empty list.
 */
export function medianInterval(samples: readonly number[], confidence = 0.95): Interval {
  if (samples.length === 0) throw new RangeError("an interval needs at least one sample");
  const sorted = Float64Array.from(samples).sort();
  const n = sorted.length;
  let rank = 1;
  while (rank < n / 2 && coverageAt(rank + 1, n) >= confidence) rank++;
  return {
    low: sorted[rank - 1] as number,
    high: sorted[n - rank] as number,
    coverage: coverageAt(rank, n),
  };
}

/** Coverage between the `rank`-th smallest and the `rank`-th largest of n samples. */
const coverageAt = (rank: number, n: number): number =>
  Math.max(0, 1 - 2 * Math.exp(logBinomialTail(rank, n)));
