import { cumulativeStdNormalProbability, wilcoxonRankSum } from "simple-statistics";
import { median } from "./robust.js";

/** The steadiness of a series of times. `untested`: too few samples to decide, which is not the same as settled. */
export type Steadiness = "settled" | "unsettled" | "untested";

/** Fewer samples than this cannot show a drift at any useful level: with four at either end, the smallest p is 1/70. */
export const FEWEST_TO_TEST = 10;

/** Share of a series that forms its beginning, and its end. */
const END = 0.4;

/** Relative difference of the ends' medians below which a drift does not matter, even if it is significant. */
const NEGLIGIBLE = 0.02;

/** One-sided p of the rank-sum test below which a difference of the ends is not noise. */
const SIGNIFICANT = 0.02;

/**
 * Tests samples, in the order taken, for drift: a series is unsettled if the median of its last two fifths differs from
 * that of its first by more than 2 % and the Wilcoxon rank-sum test (Wilcoxon 1945; normal approximation) shows that
 * the difference is not noise. Either condition alone misleads: long series make negligible differences significant,
 * noise makes large differences meaningless. `test/steadiness.test.ts` simulates the misses and false alarms of one
 * test. A sampler that tests again and again has others: `packages/measure/test/sampling-rates.test.ts`.
 *
 * A plateau that is followed by a step looks settled (Barrett et al., "Virtual machine warmup blows hot and cold",
 * OOPSLA 2017): a sampler needs another source to know whether code is still being optimised.
 */
export function testSteadiness(samples: readonly number[]): Steadiness {
  if (samples.length < FEWEST_TO_TEST) return "untested";
  const length = Math.floor(END * samples.length);
  const [first, last] = [samples.slice(0, length), samples.slice(-length)];
  const drift = Math.abs(median(last) / median(first) - 1);
  return drift > NEGLIGIBLE && rankSumP(first, last) < SIGNIFICANT ? "unsettled" : "settled";
}

/** One-sided p that two samples of equal size have one distribution, in the direction of their difference. */
function rankSumP(a: readonly number[], b: readonly number[]): number {
  const [n, m] = [a.length, b.length];
  const rankSum = wilcoxonRankSum(a as number[], b as number[]);
  const mean = (n * (n + m + 1)) / 2;
  const deviation = Math.sqrt((n * m * (n + m + 1)) / 12);
  const z = Math.max(0, Math.abs(rankSum - mean) - 0.5) / deviation;
  return 1 - cumulativeStdNormalProbability(z);
}
