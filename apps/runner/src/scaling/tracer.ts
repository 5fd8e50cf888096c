import type { Series } from "@softmax-bench/core";
import { median } from "@softmax-bench/stats";
import type { BackendSession } from "../backend-session.js";
import type { ScalingSettings } from "../journal.js";
import { conclude } from "../outcome.js";
import type { PlannedSeries } from "../plan.js";
import { type Shape, shapesOf } from "./shapes.js";

/** A series as it was measured, before anything is concluded from it. */
export type MeasuredSeries = Omit<Series, "fit">;

/** Runs something with a worker that has so many threads, in a process of its own. */
export type WithSession = <T>(threads: number, use: (session: BackendSession) => Promise<T>) => Promise<T>;

/** A call that would take longer, in nanoseconds, is not worth its minutes: the shapes before it have shown the slope. */
const SLOWEST_CALL = 2e9;
const LEFT_OUT = `left out: a call might take more than ${SLOWEST_CALL / 1e9} s`;

/** Sizes at which memory is looked at: rows of `MEMORY_CLASSES`. */
const MEMORY_CLASSES = 1024;
const MEMORY_ROWS = [1024, 2048, 4096, 8192];

/** The profile whose limits the sampling of the gradient keeps. */
const SAMPLING = "default";

type Point = Series["points"][number];

/** Times the gradient of one method over many shapes, with so many threads, and looks at the memory that it takes. */
export async function traceSeries(
  planned: PlannedSeries,
  { rows, classes }: ScalingSettings,
  withSession: WithSession,
): Promise<MeasuredSeries> {
  const series = await withSession(planned.threads, (session) =>
    timesOf(planned, shapesOf(rows, classes), session),
  );
  if (series.status !== "ok") return series;
  const affordable = MEMORY_ROWS.filter(
    (n) => mostNs({ rows: n, classes: MEMORY_CLASSES }, series.points) <= SLOWEST_CALL,
  );
  const memory = await withSession(planned.threads, (session) => memoryOf(planned, affordable, session));
  return { ...series, ...(memory ? { memory } : {}) };
}

async function timesOf(
  { backend, method, dtype, threads }: PlannedSeries,
  shapes: readonly Shape[],
  session: BackendSession,
): Promise<MeasuredSeries> {
  const base = { backend, method, dtype, threads };
  await session.start();
  const used = session.record?.threads ?? 1;
  if (session.record?.status === "available" && used !== threads) {
    const reason = `${backend} computes with ${used} ${used === 1 ? "thread" : "threads"} here`;
    return { ...base, status: "unsupported", reason, points: [] };
  }
  const points: Point[] = [];
  let note: string | undefined;
  for (const shape of shapes) {
    if (mostNs(shape, points) > SLOWEST_CALL) {
      points.push({ ...shape, samples: 0, reason: LEFT_OUT });
      continue;
    }
    const outcome = await session.run({ type: "scale", method, dtype, ...shape, sampling: SAMPLING });
    const concluded = conclude(backend, outcome, "scaled");
    if (concluded.status === "unsupported") return { ...base, ...concluded, points: [] };
    if (concluded.status !== "ok") {
      points.push({ ...shape, samples: 0, reason: `${concluded.status}: ${concluded.reason}` });
      continue;
    }
    const { gradientNs } = concluded.reply;
    note = concluded.reply.note;
    points.push({ ...shape, medianNs: median(gradientNs), samples: gradientNs.length });
  }
  const [first] = points;
  // What fails at its smallest shape fails for another reason than size.
  if (first?.reason) return { ...base, status: "failed", reason: first.reason, points: [] };
  return { ...base, status: "ok", ...(note ? { note } : {}), points };
}

/**
 * What a call of a shape takes at most, going by others: as many times longer as it has more rows, and more classes. 0 if
 * there are none.
 */
const mostNs = ({ rows, classes }: Shape, points: readonly Point[]): number =>
  points.reduce(
    (most, { medianNs, ...point }) =>
      medianNs
        ? Math.min(most, medianNs * Math.max(1, rows / point.rows) * Math.max(1, classes / point.classes))
        : most,
    points.length ? Number.POSITIVE_INFINITY : 0,
  );

async function memoryOf(
  { backend, method, dtype }: PlannedSeries,
  rows: readonly number[],
  session: BackendSession,
): Promise<Series["memory"]> {
  if (rows.length < 2) return undefined;
  const outcome = await session.run({ type: "memory", method, dtype, rows, classes: MEMORY_CLASSES });
  const concluded = conclude(backend, outcome, "held");
  return concluded.status === "ok" ? concluded.reply.memory : undefined;
}
