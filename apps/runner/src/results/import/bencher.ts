import type { Series } from "@softmax-bench/regression";
import { z } from "zod";

const named = z.object({ name: z.string(), slug: z.string().optional() });

/** The answer to a query of Bencher's performance, as `bencher perf` prints it (`JsonPerf` in its bencher_json). */
export const bencherPerf = z.object({
  results: z.array(
    z.object({
      branch: named,
      testbed: named,
      benchmark: named,
      measure: named.extend({ units: z.string().optional() }),
      metrics: z.array(
        z.object({
          report: z.string(),
          iteration: z.int().nonnegative(),
          start_time: z.iso.datetime({ offset: true }),
          version: z.object({ number: z.int().nonnegative(), hash: z.string().nullish() }),
          metric: z.object({ value: z.number() }),
        }),
      ),
    }),
  ),
});

/** Series by branch. The testbed is the machine, the measure the profile. */
export function bencherSeries({ results }: z.output<typeof bencherPerf>): ReadonlyMap<string, Series[]> {
  const branches = new Map<string, Series[]>();
  for (const { branch, testbed, benchmark, measure, metrics } of results) {
    const points = metrics
      .map(({ report, iteration, start_time, version, metric }) => ({
        run: iteration === 0 ? report : `${report} #${iteration}`,
        startedAt: new Date(start_time).toISOString(),
        commit: version.hash ?? null,
        value: metric.value,
        iteration,
      }))
      .sort((a, b) => a.startedAt.localeCompare(b.startedAt) || a.iteration - b.iteration)
      .map(({ iteration: _, ...point }) => point);
    const series: Series = {
      name: benchmark.name,
      kind: "metric",
      unit: measure.units ?? "",
      better: isRate(measure) ? "larger" : "smaller",
      profile: measure.name,
      machine: testbed.name,
      points,
    };
    branches.set(branch.name, [...(branches.get(branch.name) ?? []), series]);
  }
  return branches;
}

/** Bencher's own measure of rates is called throughput; no field says which way a measure improves. */
const isRate = ({
  name,
  slug = name,
  units = "",
}: {
  name: string;
  slug?: string | undefined;
  units?: string | undefined;
}) => /throughput/i.test(slug) || /(\/|per )s(ec(ond)?)?s?$/i.test(units);
