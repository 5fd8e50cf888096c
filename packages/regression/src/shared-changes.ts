import { groupBy } from "./group-by.js";
import type { Change, TrackedSeries } from "./track.js";

/** A change of most ratios to one reference at once: the reference itself may have changed, the other way. */
export interface SharedChange {
  readonly profile: string;
  /** The cell that the times are divided by. */
  readonly reference: string;
  /** One of the changes, in the middle of the others. */
  readonly change: Change;
  /** The ratios that changed. */
  readonly changed: number;
  /** All ratios to the reference that are long enough. */
  readonly ratios: number;
}

/** The place of a change is this uncertain, in runs. */
const NEAR = 2;

/** The changes that more than half of the ratios to a reference share, at least two of them. */
export function findSharedChanges(series: readonly TrackedSeries[]): SharedChange[] {
  const long = series.filter(({ reference, state }) => reference !== undefined && state !== "short");
  const groups = groupBy(long, ({ profile, reference }) => JSON.stringify([profile, reference]));
  return [...groups.values()].flatMap((ratios) => [
    ...sharedBy(ratios, "regression"),
    ...sharedBy(ratios, "improvement"),
  ]);
}

function sharedBy(ratios: readonly TrackedSeries[], verdict: Change["verdict"]): SharedChange[] {
  const starts = ratios.flatMap(({ points }) => points.map(({ startedAt }) => startedAt));
  const places = new Map([...new Set(starts)].sort().map((startedAt, place) => [startedAt, place]));
  let left = ratios.flatMap((series) =>
    series.changes
      .filter((change) => change.verdict === verdict)
      .map((change) => ({ series, change, place: places.get(change.firstAfter.startedAt) ?? 0 })),
  );
  const shared: SharedChange[] = [];
  for (;;) {
    const together = left
      .map(({ change, place }) => ({
        change,
        near: left.filter((other) => Math.abs(other.place - place) <= NEAR),
      }))
      .toSorted((a, b) => b.near.length - a.near.length)[0];
    const changed = new Set(together?.near.map(({ series }) => series)).size;
    if (!together || changed < 2 || 2 * changed <= ratios.length) return shared;
    const { profile, reference = "" } = ratios[0] as TrackedSeries;
    shared.push({ profile, reference, change: together.change, changed, ratios: ratios.length });
    left = left.filter((each) => !together.near.includes(each));
  }
}
