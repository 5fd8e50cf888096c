import type { Backend, Curve, DistanceRecord, NetworkRecord } from "@softmax-bench/core";
import { type Computed, inputArrays, type ThroughputReference } from "@softmax-bench/measure";
import type { InputSource } from "../experiments/cells/inputs.js";
import type { Judge } from "../experiments/cells/judge.js";
import type { CurveTracer } from "../experiments/curves/curves.js";
import type { NetworkComparer } from "../experiments/networks/networks.js";
import { type MeasuredSeries, traceSeries, type WithSession } from "../experiments/scaling/tracer.js";
import type { Entry, Header, Measurement } from "../journal/entries.js";
import { type Plan, skipReason, type Work } from "../plan/plan.js";
import { PROFILES, samplingOf } from "../plan/profiles.js";
import type { Visit } from "../plan/visits.js";
import { type BackendSession, type SessionOutcome, stoppedBy } from "../session/backend-session.js";
import { conclude } from "../session/outcome.js";
import type { Spending } from "../session/spending.js";
import type { Turns } from "../session/turns.js";
import { messageOf } from "../terminal/errors.js";
import type { DoneWork, Need } from "./run-state.js";

/** What hears of each piece of work. */
export interface Observer {
  /** A process of each backend is to do some work. */
  startRound(round: number, work: readonly Work[]): void;
  /** Something that the work needs. */
  prepare(what: string): void;
  begin(work: Work): void;
  finish(work: Work, outcome: Measurement | Curve | NetworkRecord | MeasuredSeries): void;
}

/** What holds for a run as a whole. */
export interface RunContext {
  readonly header: Header;
  readonly plan: Plan;
  readonly append: (entry: Entry) => void;
  readonly observer: Observer;
  readonly signal: AbortSignal;
  /** Set if other runs measure at the same time: one cell is measured at a time. */
  readonly turns: Turns | undefined;
}

/** What one backend does in one round, and with what. */
export interface BackendWork extends RunContext {
  readonly backend: string;
  /** Undefined if there is none by that id. */
  readonly adapter: Backend | undefined;
  readonly session: BackendSession;
  /** Another one of the same backend, in a process of its own. */
  readonly sessionWith: (threads: number) => BackendSession;
  /** Counts the processes of the backend, from 0. */
  readonly round: number;
  /** Its measurements of cells, in the order of this process. */
  readonly visits: readonly Visit[];
  readonly done: DoneWork;
  readonly throughput: ThroughputReference;
  readonly judge: Judge;
  readonly tracer: CurveTracer;
  readonly comparer: NetworkComparer | undefined;
  readonly inputs: InputSource;
  readonly spending: Spending;
}

/** Runs what is missing of a backend's cells, then curves, then networks, then series. */
export async function runBackend(work: BackendWork): Promise<void> {
  await stoppedBy(work.signal, work.session, async () => {
    await runCells(work);
    if (work.round > 0) return;
    await runCurves(work);
    await runNetworks(work);
    await runSeries(work);
  });
}

async function runCells(work: BackendWork): Promise<void> {
  const { done, round, signal } = work;
  for (const visit of work.visits) {
    const need = done.need(visit, round);
    if (!need) continue;
    if (signal.aborted) return;
    await runVisit(work, visit, need);
  }
}

async function runVisit(work: BackendWork, visit: Visit, need: NonNullable<Need>): Promise<void> {
  const { done, round, header, session, signal, append, observer, spending } = work;
  const { cell } = visit;
  const profile = PROFILES[header.profile];
  observer.begin(cell);
  const keep = (measurement: Measurement) => {
    append(measurement);
    done.add(measurement);
    if (!visit.isTwin) observer.finish(cell, measurement);
  };
  const reason = skipReason(cell, profile, work.adapter);
  if (reason) {
    if (!visit.isTwin) keep({ ...baseOf(visit, round), status: "unsupported", reason });
    return;
  }
  const { workload, method, dtype } = cell;
  const { rows, classes } = workload;
  const inputs = {
    id: `${workload.id} ${dtype}`,
    make: () => inputArrays(work.inputs.of(workload, dtype)),
  };
  await work.turns?.take("prepare");
  await session.start(inputs);
  const task = { method, dtype, rows, classes };
  const sampling =
    need === "measurement"
      ? samplingOf(profile, visit.isTwin ? 1 : round, work.throughput.of(cell.backend))
      : undefined;
  await work.turns?.take("cell");
  const outcome = await session.run({ type: "run", ...task, inputs: inputs.id, sets: 1, sampling }, inputs);
  if (signal.aborted) return;
  const begun = performance.now();
  const { measurement, distances } = judged(visit, outcome, work);
  const { probeNs } = measurement.sampling ?? {};
  if (probeNs) work.throughput.add(cell.backend, probeNs);
  // A twin of a cell that does not work says nothing.
  if (need === "measurement" && (measurement.status === "ok" || !visit.isTwin)) keep(measurement);
  for (const distance of distances) {
    append({ type: "distance", ...distance });
    done.add({ type: "distance", ...distance });
  }
  spending.since(begun, "verify");
}

async function runCurves({ backend, plan, done, tracer, session, signal, append, observer }: BackendWork) {
  for (const planned of plan.curves) {
    if (planned.backend !== backend || done.hasCurve(planned)) continue;
    if (signal.aborted) return;
    observer.begin(planned);
    const curve = await tracer.trace(planned, session);
    if (signal.aborted) return;
    append({ type: "curve", ...curve });
    observer.finish(planned, curve);
  }
}

async function runNetworks({
  backend,
  plan,
  done,
  comparer,
  session,
  signal,
  append,
  observer,
}: BackendWork) {
  for (const planned of plan.networks) {
    if (!comparer || planned.backend !== backend || done.hasNetwork(planned)) continue;
    if (signal.aborted) return;
    observer.begin(planned);
    const network = await comparer.compare(planned, session);
    if (signal.aborted) return;
    append({ type: "network", ...network });
    observer.finish(planned, network);
  }
}

async function runSeries({
  backend,
  plan,
  header,
  done,
  sessionWith,
  signal,
  append,
  observer,
}: BackendWork) {
  const { scaling } = header;
  const withSession: WithSession = (threads, use) => {
    const session = sessionWith(threads);
    return stoppedBy(signal, session, () => use(session));
  };
  for (const planned of plan.series) {
    if (!scaling || planned.backend !== backend || done.hasSeries(planned)) continue;
    if (signal.aborted) return;
    observer.begin(planned);
    const series = await traceSeries(planned, scaling, withSession);
    if (signal.aborted) return;
    append({ type: "series", ...series });
    observer.finish(planned, series);
  }
}

const baseOf = ({ cell: { backend, method, dtype, workload }, isTwin }: Visit, round: number) =>
  ({
    type: "cell",
    round,
    ...(isTwin ? ({ twin: true } as const) : {}),
    backend,
    method,
    dtype,
    workload: workload.id,
  }) as const;

/** Turns what the worker answered – or did not – into what the journal keeps. */
function judged(
  visit: Visit,
  outcome: SessionOutcome,
  { round, judge, session, done, header }: BackendWork,
): { measurement: Measurement; distances: readonly DistanceRecord[] } {
  const { cell, isTwin } = visit;
  const base = baseOf(visit, round);
  const isFirst = round === 0 && !isTwin;
  const pairs = isFirst ? done.partnersOf(cell) : [];
  const concluded = conclude(cell.backend, outcome, "computed");
  if (concluded.status !== "ok") {
    judge.abandon(cell, pairs);
    return { measurement: { ...base, ...concluded }, distances: [] };
  }
  try {
    const errors = isFirst && !PROFILES[header.profile].timesOnly;
    const { distances, ...found } = judge.assess(cell, (into) => session.readResults(into), {
      errors,
      pairs,
    });
    return { distances, measurement: { ...base, status: "ok", ...kept(concluded.reply), ...found } };
  } catch (error) {
    judge.abandon(cell, pairs);
    return { measurement: { ...base, status: "failed", reason: messageOf(error) }, distances: [] };
  }
}

const kept = ({ note, readback, samples, sampling }: Computed) => ({
  readback,
  ...(note ? { note } : {}),
  ...(samples ? { samples } : {}),
  ...(sampling ? { sampling } : {}),
});
