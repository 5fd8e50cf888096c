import type { TrackedSeries } from "@softmax-bench/regression";
import type { History } from "./history.js";

/**
 * Histories as JSON for other programs. A point is the index of its run and its value; a value that is not finite is null,
 * and so is the size of a change from or to it.
 */
export const historyJson = (histories: readonly History[]): string =>
  `${JSON.stringify({ schemaVersion: 1, branches: histories.map(toJson) })}\n`;

function toJson({ branch, series }: History) {
  const runs = new Map(
    series.flatMap(({ points }) =>
      points.map(({ run, startedAt, commit }) => [run, { run, startedAt, commit }]),
    ),
  );
  const indices = new Map([...runs.keys()].map((run, index) => [run, index]));
  return {
    branch,
    runs: [...runs.values()],
    series: series.map((each) => seriesToJson(each, indices)),
  };
}

const seriesToJson = (
  { name, kind, unit, better, profile, machine, state, points, changes }: TrackedSeries,
  indices: ReadonlyMap<string, number>,
) => ({
  name,
  kind,
  unit,
  better,
  profile,
  machine,
  state,
  points: points.map(({ run, value }) => [indices.get(run), value]),
  changes: changes.map(({ lastBefore, firstAfter, ...change }) => ({
    ...change,
    lastBefore: { run: lastBefore.run, commit: lastBefore.commit },
    firstAfter: { run: firstAfter.run, commit: firstAfter.commit },
  })),
});
