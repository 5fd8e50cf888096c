import type { Series, SeriesPoint } from "@softmax-bench/regression";
import { z } from "zod";

const named = z.object({ name: z.string(), slug: z.string().optional() });

const parameters = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));

/** One iteration of one report. */
const point = z
  .object({
    report: z.string(),
    iteration: z.int().nonnegative(),
    start_time: z.iso.datetime({ offset: true }),
    version: z.object({ number: z.int().nonnegative(), hash: z.string().nullish() }),
    metrics: z.record(z.string(), z.object({ value: z.number() })).optional(),
    metric: z.object({ value: z.number() }).nullish(),
  })
  .refine(({ metrics, metric }) => metrics ?? metric, {
    path: ["metrics"],
    error: "expected metrics, or the metric of older versions",
  });

/**
 * The answer to a query of Bencher's performance, as `bencher perf` prints it (`JsonPerf` in its bencher_json). In 0.6.12 a
 * point has `metrics` by name, and a benchmark a line for each `variant`, called `parameter` for a while. In older versions a
 * point has one `metric`.
 */
export const bencherPerf = z.object({
  results: z.array(
    z.object({
      branch: named,
      testbed: named,
      benchmark: named,
      variant: z.object({ parameters }).optional(),
      parameter: z.object({ set: parameters }).optional(),
      measure: named.extend({ units: z.string().optional() }),
      metrics: z.array(point),
    }),
  ),
});

/** Series by branch. The testbed is the machine, the measure the profile. */
export function bencherSeries({ results }: z.output<typeof bencherPerf>): ReadonlyMap<string, Series[]> {
  const branches = new Map<string, Series[]>();
  for (const { branch, testbed, benchmark, variant, parameter, measure, metrics } of results) {
    const line = `${benchmark.name}${describeParameters(variant?.parameters ?? parameter?.set)}`;
    const own = branches.get(branch.name) ?? [];
    branches.set(branch.name, own);
    for (const [metric, points] of pointsByMetric(metrics)) {
      own.push({
        name: metric === VALUE ? line : `${line} ${metric}`,
        kind: "metric",
        unit: measure.units ?? "",
        better: isRate(measure) ? "larger" : "smaller",
        profile: measure.name,
        machine: testbed.name,
        points,
      });
    }
  }
  return branches;
}

/** The metric of a measure that has a single one. */
const VALUE = "value";
/** The interval of the value. */
const BOUNDS: readonly string[] = ["lower_value", "upper_value"];

/** The values of a line by the name of their metric, oldest first. */
function pointsByMetric(points: readonly z.output<typeof point>[]): ReadonlyMap<string, SeriesPoint[]> {
  const byMetric = new Map<string, SeriesPoint[]>();
  const sorted = points
    .map((each) => ({ ...each, startedAt: new Date(each.start_time).toISOString() }))
    .sort((a, b) => a.startedAt.localeCompare(b.startedAt) || a.iteration - b.iteration);
  for (const { report, iteration, startedAt, version, metrics, metric } of sorted) {
    const run = iteration === 0 ? report : `${report} #${iteration}`;
    for (const [name, { value }] of Object.entries(metrics ?? (metric ? { [VALUE]: metric } : {}))) {
      if (BOUNDS.includes(name)) continue;
      const own = byMetric.get(name) ?? [];
      byMetric.set(name, own);
      own.push({ run, startedAt, commit: version.hash ?? null, value });
    }
  }
  return byMetric;
}

/** ` {"op":"read","size_mb":16}`, as Bencher prints a parameter set; nothing for the empty one. */
function describeParameters(set: z.output<typeof parameters> = {}): string {
  const sorted = Object.entries(set).sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.length === 0 ? "" : ` ${JSON.stringify(Object.fromEntries(sorted))}`;
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
