import { placeName, plural, type Results, type Series } from "@softmax-bench/core";
import { median } from "@softmax-bench/stats";
import { type Plan, type PlannedSeries, seriesKey } from "../../plan/plan.js";
import { PROFILES } from "../../plan/profiles.js";
import type { ScalingSettings } from "../../results/journal/entries.js";
import type { BackendSession } from "../../session/backend-session.js";
import { toTaskOutcome } from "../../session/outcome.js";
import type { Experiment, ExperimentRun, MeasuredSeries } from "../experiment.js";
import { scalingSection } from "./section.js";
import { type Shape, shapeGrid } from "./shapes.js";

/** The longest call that is worth its time, in nanoseconds. Smaller shapes have shown the slope by then. */
const SLOWEST_CALL = 2e9;
const LEFT_OUT = `left out: a call might take more than ${SLOWEST_CALL / 1e9} s`;

/** Shapes at which memory is measured: `MEMORY_ROWS` rows of `MEMORY_CLASSES` classes. */
const MEMORY_CLASSES = 1024;
const MEMORY_ROWS = [1024, 2048, 4096, 8192] as const;

/** Sampling limits of the gradient. */
const LIMITS = PROFILES.default.limits.gradient;

type Point = Series["points"][number];

/** Times of the gradient over many shapes, with a given number of threads, and the memory that it takes. */
export class ScalingExperiment implements Experiment<PlannedSeries, MeasuredSeries> {
  readonly type = "series";
  readonly unit = "series";
  readonly #settings: ScalingSettings;

  constructor(settings: ScalingSettings) {
    this.#settings = settings;
  }

  plannedWork({ series }: Plan): readonly PlannedSeries[] {
    return series;
  }

  key(series: PlannedSeries): string {
    return seriesKey(series);
  }

  label({ method, dtype, threads, ...place }: PlannedSeries): string {
    return [placeName(place), method, dtype, plural(threads, "thread")].join(" ");
  }

  weight(): number {
    return 1;
  }

  describe({ points }: MeasuredSeries): string {
    const timed = points.filter(({ medianNs }) => medianNs !== undefined);
    return `${timed.length} of ${points.length} shapes timed`;
  }

  section(series: readonly MeasuredSeries[]): Partial<Results> {
    return { scaling: scalingSection(series) };
  }

  /** Runs each series in a process of its own, since the number of threads is fixed when a process starts. */
  async run(
    planned: PlannedSeries,
    _session: BackendSession,
    { useSession }: ExperimentRun,
  ): Promise<MeasuredSeries> {
    const { backend, host, threads } = planned;
    const place = { backend, host };
    const { rows, classes } = this.#settings;
    const { series, memoryRows } = await useSession(place, threads, async (session) => {
      const traced = await measureTimes(planned, shapeGrid(rows, classes), session);
      return { series: traced, memoryRows: await affordableRows(planned, traced.points, session) };
    });
    if (series.status !== "ok") return series;
    if (memoryRows.length < 2) return { ...series, memoryReason: LEFT_OUT };
    const memory = await useSession(place, threads, (session) => measureMemory(planned, memoryRows, session));
    return { ...series, ...memory };
  }
}

async function measureTimes(
  planned: PlannedSeries,
  shapes: readonly Shape[],
  session: BackendSession,
): Promise<MeasuredSeries> {
  const { backend, threads } = planned;
  await session.start();
  const used = session.record?.threads ?? 1;
  if (session.record?.status === "available" && used !== threads) {
    const reason = `${backend} computes with ${used} ${used === 1 ? "thread" : "threads"} here`;
    return { ...planned, status: "unsupported", reason, points: [] };
  }
  const points: Point[] = [];
  let note: string | undefined;
  for (const shape of shapes) {
    const timed = await measureTime(planned, shape, points, session);
    if (timed.status === "unsupported") {
      return { ...planned, status: "unsupported", reason: timed.reason, points: [] };
    }
    note ??= timed.note;
    points.push(timed.point);
  }
  const [first] = points;
  // A failure at the smallest shape has another reason than size.
  if (first?.reason) return { ...planned, status: "failed", reason: first.reason, points: [] };
  return { ...planned, status: "ok", ...(note ? { note } : {}), points };
}

type Timed =
  | { readonly status: "unsupported"; readonly reason: string }
  | { readonly status: "tried"; readonly point: Point; readonly note?: string | undefined };

/** The time of a shape, unless other shapes show that it may take too long. */
async function measureTime(
  { method, dtype }: PlannedSeries,
  shape: Shape,
  others: readonly Point[],
  session: BackendSession,
): Promise<Timed> {
  const without = (reason: string): Timed => ({ status: "tried", point: { ...shape, samples: 0, reason } });
  if (mostNs(shape, others) > SLOWEST_CALL) return without(LEFT_OUT);
  const outcome = await session.run({ type: "scale", method, dtype, ...shape, limits: LIMITS });
  const answer = toTaskOutcome(session.place, outcome, "scaled");
  if (answer.status === "unsupported") return { status: "unsupported", reason: answer.reason };
  if (answer.status !== "ok") return without(`${answer.status}: ${answer.reason}`);
  const { gradientNs, steadiness, note } = answer.reply;
  const point = { ...shape, medianNs: median(gradientNs), samples: gradientNs.length, steadiness };
  return { status: "tried", point, note };
}

/**
 * The rows at which memory can be measured in the time that a call may take. Small shapes tell little about large ones,
 * so some between are timed if necessary.
 */
async function affordableRows(
  planned: PlannedSeries,
  points: readonly Point[],
  session: BackendSession,
): Promise<number[]> {
  if (points.length === 0) return [];
  const known = [...points];
  const affordable = () =>
    MEMORY_ROWS.filter((rows) => mostNs({ rows, classes: MEMORY_CLASSES }, known) <= SLOWEST_CALL);
  for (const rows of [1, 32, MEMORY_ROWS[0]]) {
    if (affordable().length === MEMORY_ROWS.length) break;
    const timed = await measureTime(planned, { rows, classes: MEMORY_CLASSES }, known, session);
    if (timed.status === "unsupported" || timed.point.reason) break;
    known.push(timed.point);
  }
  return affordable();
}

/**
 * The longest time of a call of a shape, estimated from other points: proportional to its rows and to its classes.
 * 0 if there are no points.
 */
const mostNs = ({ rows, classes }: Shape, points: readonly Point[]): number =>
  points.reduce(
    (most, { medianNs, ...point }) =>
      medianNs
        ? Math.min(most, medianNs * Math.max(1, rows / point.rows) * Math.max(1, classes / point.classes))
        : most,
    points.length ? Number.POSITIVE_INFINITY : 0,
  );

async function measureMemory(
  { method, dtype }: PlannedSeries,
  rows: readonly number[],
  session: BackendSession,
): Promise<Pick<Series, "memory" | "memoryReason">> {
  const outcome = await session.run({ type: "memory", method, dtype, rows, classes: MEMORY_CLASSES });
  const answer = toTaskOutcome(session.place, outcome, "held");
  if (answer.status === "ok") return { memory: answer.reply.memory };
  return { memoryReason: `${answer.status}: ${answer.reason}` };
}
