import { quantile } from "simple-statistics";

/** Minimum number of changes behind a fence. */
const FEWEST = 8;

/**
 * True if a change stands out from those before it: |Δ| ≥ Q3 + 3 (Q3 − Q1) of the magnitudes of the earlier ones, as
 * rustc-perf distinguishes a change from ordinary variation. False if there are fewer than 8 of them.
 */
export function standsOut(change: number, earlier: readonly number[]): boolean {
  if (earlier.length < FEWEST) return false;
  const magnitudes = earlier.map(Math.abs);
  const [q1, q3] = [quantile(magnitudes, 0.25), quantile(magnitudes, 0.75)];
  return Math.abs(change) >= q3 + 3 * (q3 - q1);
}
