/** A time with its known resolution; undefined if no replicate shows the difference between times of identical code. */
export interface ResolvedTime {
  readonly time: number;
  readonly resolution: number | undefined;
}

/** The resolution between two cells of different groups: their noise adds, half of the square from each. */
export const jointResolution = (a: number, b: number): number =>
  Math.expm1(Math.hypot(Math.log1p(a), Math.log1p(b)) / Math.SQRT2);

/** A resolution derived from a pair covers that pair despite rounding. */
const ROUNDING = 1 + 1e-9;

/** True if the order of two times is not significant. A time of unknown resolution is tied with every other. */
export function areTied(a: ResolvedTime, b: ResolvedTime): boolean {
  if (a.resolution === undefined || b.resolution === undefined) return true;
  const [low, high] = a.time < b.time ? [a.time, b.time] : [b.time, a.time];
  return high <= low * (1 + jointResolution(a.resolution, b.resolution)) * ROUNDING;
}

/**
 * Ranks of times, in the order of the entries: those tied with the fastest share rank 1, those tied with the fastest of
 * the rest share the next, and so on. The ranks depend on the entries alone, not on their order.
 */
export function rankWithTies(entries: readonly ResolvedTime[]): number[] {
  const ranks: number[] = new Array(entries.length).fill(0);
  let unranked = [...entries.keys()].sort((a, b) => compare(at(a), at(b)));
  for (let rank = 1; unranked.length > 0; ) {
    const leader = at(unranked[0] as number);
    const group = unranked.filter((index, position) => position === 0 || areTied(at(index), leader));
    for (const index of group) ranks[index] = rank;
    rank += group.length;
    unranked = unranked.filter((index) => ranks[index] === 0);
  }
  return ranks;

  function at(index: number): ResolvedTime {
    return entries[index] as ResolvedTime;
  }
}

/** Orders fastest first; of equal times, the better known first. */
const compare = (a: ResolvedTime, b: ResolvedTime): number =>
  a.time - b.time ||
  (a.resolution ?? Number.POSITIVE_INFINITY) - (b.resolution ?? Number.POSITIVE_INFINITY) ||
  0;
