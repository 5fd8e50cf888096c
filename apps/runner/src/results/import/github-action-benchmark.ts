import type { Series, SeriesPoint } from "@softmax-bench/regression";
import { z } from "zod";

/** Tools of github-action-benchmark whose values are rates. */
const LARGER_IS_BETTER: readonly string[] = ["benchmarkjs", "pytest", "customBiggerIsBetter"];

/**
 * The data of github-action-benchmark (`DataJson` in its src/write.ts): suites by name, each a list of commits with their
 * benchmarks. A value that is not finite is null there.
 */
export const githubActionBenchmarkData = z.object({
  entries: z.record(
    z.string(),
    z.array(
      z.object({
        commit: z.object({ id: z.string() }),
        date: z.number().min(0).max(8.64e15),
        tool: z.string(),
        benches: z.array(z.object({ name: z.string(), value: z.number().nullable(), unit: z.string() })),
      }),
    ),
  ),
});

/** A series for each benchmark of each suite. */
export function githubActionBenchmarkSeries({
  entries,
}: z.output<typeof githubActionBenchmarkData>): Series[] {
  const series = new Map<string, Series & { readonly points: SeriesPoint[] }>();
  for (const [suite, commits] of Object.entries(entries)) {
    for (const { commit, date, tool, benches } of commits.toSorted((a, b) => a.date - b.date)) {
      const startedAt = new Date(date).toISOString();
      for (const { name, value, unit } of benches) {
        if (value === null) continue;
        const better = LARGER_IS_BETTER.includes(tool) ? "larger" : "smaller";
        const key = JSON.stringify([suite, name, unit, better]);
        const found = series.get(key) ?? {
          name,
          kind: "metric",
          unit,
          better,
          profile: suite,
          machine: null,
          points: [],
        };
        series.set(key, found);
        found.points.push({ run: `${startedAt} ${commit.id}`, startedAt, commit: commit.id, value });
      }
    }
  }
  return [...series.values()];
}
