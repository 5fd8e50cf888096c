import { quantile } from "simple-statistics";

/** Changes that a fence is made of, at least. */
const FEWEST = 8;

/**
 * Whether a change stands out from those before it: |Δ| ≥ Q3 + 3 (Q3 − Q1) of the magnitudes of the earlier ones, which is
 * how rustc-perf tells a change from what a benchmark always does. Never, while there are fewer than 8 of them.
 */
export function standsOut(change: number, earlier: readonly number[]): boolean {
  if (earlier.length < FEWEST) return false;
  const magnitudes = earlier.map(Math.abs);
  const [q1, q3] = [quantile(magnitudes, 0.25), quantile(magnitudes, 0.75)];
  return Math.abs(change) >= q3 + 3 * (q3 - q1);
}
