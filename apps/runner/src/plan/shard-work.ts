import { type Backend, placeName, type Shard } from "@softmax-bench/core";
import { sha256 } from "@softmax-bench/measure";
import { cellSeconds, comparisonKey, processSeconds, referenceSeconds } from "./estimate.js";
import { keyOf, type PlannedCell } from "./plan.js";
import type { Profile } from "./profiles.js";

/** The facts about a matrix that decide its split, and its digest. */
interface Matrix {
  readonly profile: Profile;
  readonly seed: number;
  /** The backends of its cells, by id. */
  readonly backends: ReadonlyMap<string, Backend>;
}

/** Cells that stay together because their gradients are compared. */
interface Unit {
  readonly cells: readonly PlannedCell[];
  readonly seconds: number;
  /** Extra cost of the first unit of its kind in a shard, by purpose. */
  readonly once: ReadonlyMap<string, number>;
}

/**
 * Splits a matrix into one part per shard, in order. A shard is a contiguous range, so that few backends are started
 * twice. The split is one of those whose longest part is the shortest.
 */
function splitCells(
  cells: readonly PlannedCell[],
  count: number,
  { profile, backends }: Matrix,
): PlannedCell[][] {
  const units = groupIntoUnits(cells, profile, backends);
  let [low, high] = [0, cut(units, 1, Number.POSITIVE_INFINITY).longest];
  // Sums and halves are the same on every machine, bit for bit. After 50 halvings the interval is exhausted.
  for (let step = 0; step < 50; step++) {
    const middle = (low + high) / 2;
    if (cut(units, count, middle).longest <= middle) high = middle;
    else low = middle;
  }
  return cut(units, count, high).parts.map((part) => part.flatMap((unit) => unit.cells));
}

/** The digest of a matrix: its measurements, and their split. */
const planDigest = (parts: readonly (readonly PlannedCell[])[], { profile, seed }: Matrix): Promise<string> =>
  sha256(JSON.stringify({ profile: profile.id, seed, parts: parts.map((part) => part.map(keyOf)) }));

/** A run's part of a matrix, and the digest of the whole. */
export async function shardWork(
  cells: readonly PlannedCell[],
  { index, count }: Shard,
  matrix: Matrix,
): Promise<{ cells: readonly PlannedCell[]; digest: string }> {
  const parts = splitCells(cells, count, matrix);
  return { cells: parts[index - 1] ?? [], digest: await planDigest(parts, matrix) };
}

function groupIntoUnits(
  cells: readonly PlannedCell[],
  profile: Profile,
  backends: ReadonlyMap<string, Backend>,
): Unit[] {
  const groups = new Map<string, PlannedCell[]>();
  for (const cell of cells) {
    const key = [placeName(cell), comparisonKey(cell), cell.dtype, cell.workload.id].join(" ");
    groups.set(key, [...(groups.get(key) ?? []), cell]);
  }
  return [...groups.values()].map((group) => {
    const [first] = group as [PlannedCell];
    const backend = backends.get(first.backend);
    const seconds = group.reduce((sum, cell) => sum + cellSeconds(cell, profile, backend), 0);
    const once: [string, number][] = [
      [placeName(first), profile.processes * processSeconds(profile)],
      [`${first.workload.id} ${first.dtype}`, referenceSeconds(first)],
    ];
    return { cells: group, seconds, once: new Map(seconds > 0 ? once : []) };
  });
}

/** Fills one part after the other up to a limit, the last one with the rest; no part stays empty needlessly. */
function cut(units: readonly Unit[], count: number, limit: number): { parts: Unit[][]; longest: number } {
  const parts: Unit[][] = [[]];
  let [seconds, longest] = [0, 0];
  let paid = new Set<string>();
  for (const [index, unit] of units.entries()) {
    const cost = () =>
      [...unit.once].reduce((sum, [what, once]) => sum + (paid.has(what) ? 0 : once), unit.seconds);
    const full = seconds + cost() > limit || units.length - index <= count - parts.length;
    if (full && parts.at(-1)?.length && parts.length < count) {
      parts.push([]);
      seconds = 0;
      paid = new Set();
    }
    seconds += cost();
    longest = Math.max(longest, seconds);
    for (const what of unit.once.keys()) paid.add(what);
    parts.at(-1)?.push(unit);
  }
  while (parts.length < count) parts.push([]);
  return { parts, longest };
}
