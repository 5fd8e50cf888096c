import type { Interval } from "./interval.js";

type Range = Pick<Interval, "low" | "high">;

export const overlaps = (a: Range, b: Range): boolean => a.low <= b.high && b.low <= a.high;

/** For each entry, whether its interval overlaps that of the entry with the smallest median. */
export function tiedWithFastest(entries: readonly (Range & { readonly median: number })[]): boolean[] {
  const [first, ...rest] = entries;
  if (!first) return [];
  const fastest = rest.reduce((best, entry) => (entry.median < best.median ? entry : best), first);
  return entries.map((entry) => overlaps(entry, fastest));
}
