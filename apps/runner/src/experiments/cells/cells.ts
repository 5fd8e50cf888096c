import type { Backend, DistanceRecord } from "@softmax-bench/core";
import { messageOf, placeName } from "@softmax-bench/core";
import { type Computed, inputArrays, type Sampling } from "@softmax-bench/measure";
import { formatDuration, formatError } from "@softmax-bench/report/model";
import { median } from "@softmax-bench/stats";
import { isRunnable, keyOf, type PlannedCell, skipReason } from "../../plan/plan.js";
import { PROFILES, toSampling } from "../../plan/profiles.js";
import type { Visit } from "../../plan/visits.js";
import type { Entry, Header, Measurement } from "../../results/journal/entries.js";
import type { Purpose, RunState } from "../../results/journal/remaining-work.js";
import type { BackendSession, SessionOutcome } from "../../session/backend-session.js";
import { toTaskOutcome } from "../../session/outcome.js";
import type { PhaseTimer } from "../../session/phase-timer.js";
import type { Turns } from "../../session/turns.js";
import type { Observer, WorkItem } from "../observer.js";
import type { InputSource } from "./inputs.js";
import type { Judge } from "./judge.js";

/** The parts of a run that all of its work shares. */
export interface RunContext {
  readonly header: Header;
  readonly append: (entry: Entry) => void;
  readonly observer: Observer;
  readonly signal: AbortSignal;
  /** Set if other runs measure at the same time: one cell is measured at a time. */
  readonly turns: Turns | undefined;
}

/** The cells of one backend in one of its processes, and what measuring them takes. */
export interface CellWork extends RunContext {
  /** Undefined for an unknown id. */
  readonly adapter: Backend | undefined;
  readonly session: BackendSession;
  /** Counts the processes of the backend, from 0. */
  readonly round: number;
  /** Its measurements, in the order of this process. */
  readonly visits: readonly Visit[];
  readonly state: RunState;
  readonly judge: Judge;
  readonly inputs: InputSource;
  readonly phaseTimer: PhaseTimer;
}

/** A cell as a user sees it. */
export const cellItem = (cell: PlannedCell): WorkItem => ({
  label: keyOf(cell),
  weight: 1 + (cell.workload.rows * cell.workload.classes) / 2e6,
});

/** Measures what the journal of the run lacks. */
export async function runCells(work: CellWork): Promise<void> {
  const { state, round, signal, observer } = work;
  let pass = 0;
  for (const visit of work.visits) {
    const purpose = state.remaining(visit, round);
    if (!purpose) continue;
    if (signal.aborted) return;
    if (visit.pass > pass) observer.prepare(`${placeName(visit.cell)}: its cells at another time`);
    pass = visit.pass;
    await runVisit(work, visit, purpose);
  }
}

async function runVisit(work: CellWork, visit: Visit, purpose: NonNullable<Purpose>): Promise<void> {
  const { state, round, header, session, signal, append, observer, phaseTimer } = work;
  const { cell } = visit;
  const profile = PROFILES[header.profile];
  const item = cellItem(cell);
  const isShown = !visit.isTwin && visit.pass === 0 && isRunnable(cell, profile, work.adapter);
  if (isShown) observer.begin(item);
  const keep = (measurement: Measurement) => {
    append(measurement);
    state.add(measurement);
    if (isShown) observer.finish(item, describe(measurement));
  };
  const reason = skipReason(cell, profile, work.adapter);
  if (reason) {
    if (!visit.isTwin) keep({ ...cellIdentity(visit, round), status: "unsupported", reason });
    return;
  }
  const { workload, method, dtype } = cell;
  const { rows, classes } = workload;
  const inputs = {
    id: `${workload.id} ${dtype}`,
    make: () => inputArrays(work.inputs.of(workload, dtype)),
  };
  await work.turns?.awaitTurn("prepare");
  await session.start(inputs);
  const task = { method, dtype, rows, classes };
  const sampling =
    purpose === "measurement"
      ? toSampling(profile, phasesOf(visit, round), state.undisturbedCores(cell))
      : undefined;
  const isDigest = !isFirst(visit, round) || (profile.digestsOnly ?? false);
  await work.turns?.awaitTurn("cell");
  const outcome = await session.run(
    { type: "run", ...task, inputs: inputs.id, sets: 1, digestOnly: isDigest, sampling },
    inputs,
  );
  if (signal.aborted) return;
  const begun = performance.now();
  const { measurement, distances } = await toMeasurement(visit, outcome, work);
  // A twin of a cell that does not work is of no use.
  if (purpose === "measurement" && (measurement.status === "ok" || !visit.isTwin)) keep(measurement);
  for (const distance of distances) {
    append({ type: "distance", ...distance });
    state.add({ type: "distance", ...distance });
  }
  phaseTimer.record(begun, "verify");
}

/** Only a cell's first gradient is judged; of later ones it is known whether they have the same bits. */
const isFirst = ({ isTwin, pass }: Visit, round: number): boolean => round === 0 && pass === 0 && !isTwin;

/** The phases that a visit samples: later visits and twins repeat what tables rank, retries the gradient alone. */
function phasesOf(visit: Visit, round: number): Sampling["phases"] {
  if (visit.retry !== undefined) return "gradient";
  return isFirst(visit, round) ? "all" : "ranked";
}

/** Describes the outcome of a cell in a few words. */
function describe({ status, reason, samples, accuracy }: Measurement): string {
  if (status !== "ok") return `${status}: ${reason}`;
  const time = samples ? formatDuration(median(samples.gradient)) : "not timed";
  return `gradient ${time}${accuracy ? `, relative error ${formatError(accuracy.gradient.relL2)}` : ""}`;
}

const cellIdentity = (
  { cell: { backend, host, method, dtype, workload }, isTwin, pass }: Visit,
  round: number,
) =>
  ({
    type: "cell",
    round,
    pass,
    ...(isTwin ? ({ twin: true } as const) : {}),
    backend,
    host,
    method,
    dtype,
    workload: workload.id,
  }) as const;

/** The entry of the journal for the reply of a worker, or for the lack of one. */
async function toMeasurement(
  visit: Visit,
  outcome: SessionOutcome,
  { round, judge, session, state, header }: CellWork,
): Promise<{ measurement: Measurement; distances: readonly DistanceRecord[] }> {
  const { cell } = visit;
  const base = cellIdentity(visit, round);
  const pairs = isFirst(visit, round) ? state.partnersOf(cell) : [];
  const answer = toTaskOutcome(session.place, outcome, "computed");
  if (answer.status !== "ok") {
    judge.abandon(cell, pairs);
    return { measurement: { ...base, ...answer }, distances: [] };
  }
  const [gradientDigest] = answer.reply.gradientDigests ?? [];
  if (gradientDigest) {
    return { measurement: { ...base, status: "ok", ...kept(answer.reply), gradientDigest }, distances: [] };
  }
  try {
    const errors = isFirst(visit, round) && !PROFILES[header.profile].digestsOnly;
    const { distances, ...found } = await judge.assess(cell, (into) => session.readResults(into), {
      errors,
      pairs,
    });
    return { distances, measurement: { ...base, status: "ok", ...kept(answer.reply), ...found } };
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
