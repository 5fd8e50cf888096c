import type { Availability, Curve } from "@softmax-bench/core";
import { BackendSession, type SessionOutcome } from "./backend-session.js";
import { CurveTracer } from "./curves.js";
import { DoneWork } from "./done.js";
import { messageOf } from "./errors.js";
import { closeExchange, type Exchange, openExchange } from "./exchange.js";
import { Feeder } from "./feeder.js";
import { InputSource } from "./inputs.js";
import type { Entry, Header, Measurement } from "./journal.js";
import { Judge, type Verdict } from "./judge.js";
import { conclude } from "./outcome.js";
import { leftOut, type Plan, type PlannedCell, type PlannedCurve } from "./plan.js";
import { PROFILES } from "./profiles.js";
import type { Computed } from "./protocol.js";
import { Spending } from "./spending.js";

/** What hears of each cell and each curve. */
export interface Observer {
  begin(work: PlannedCell | PlannedCurve): void;
  finish(work: PlannedCell | PlannedCurve, outcome: Measurement | Curve): void;
}

export interface MatrixOptions {
  readonly header: Header;
  readonly plan: Plan;
  /** What an interrupted run already has. */
  readonly done: readonly Entry[];
  /** What came of bringing native parts, by backend. */
  readonly provisioned: ReadonlyMap<string, Availability>;
  readonly append: (entry: Entry) => void;
  readonly observer: Observer;
  readonly signal: AbortSignal;
}

/**
 * Runs what is missing of a plan: each backend in a process of its own, one cell after the other and then its curves,
 * every outcome journaled before the next one starts. When the signal aborts, what is under way is given up.
 */
export async function runMatrix(options: MatrixOptions): Promise<void> {
  const { header, plan, signal, append } = options;
  const { processes, cellTimeoutMs: timeoutMs } = PROFILES[header.profile];
  const spending = new Spending();
  const exchange = openExchange();
  const feeder = new Feeder(exchange);
  const inputs = new InputSource(header.seed);
  const shared = {
    ...{ exchange, feeder, inputs, spending },
    judge: new Judge(header.seed, inputs),
    tracer: new CurveTracer(header.seed, exchange, feeder),
    done: new DoneWork(options.done, plan.cells),
  };
  try {
    for (let round = 0; round < processes && !signal.aborted; round++) {
      for (const backend of header.backends) {
        const unavailable = unavailability(options.provisioned.get(backend));
        const session = new BackendSession({
          ...{ backend, threads: header.threads, timeoutMs, spending, exchange, unavailable },
        });
        await runBackend({ ...options, ...shared, backend, session, round });
        if (session.record) append({ type: "backend", ...session.record });
        if (signal.aborted) break;
      }
    }
  } finally {
    closeExchange(exchange);
    append({ type: "spent", wallNs: spending.total() });
  }
}

const unavailability = (availability: Availability | undefined) =>
  availability?.available === false ? availability : undefined;

interface BackendWork extends Omit<MatrixOptions, "done"> {
  readonly backend: string;
  readonly session: BackendSession;
  readonly round: number;
  readonly done: DoneWork;
  readonly judge: Judge;
  readonly tracer: CurveTracer;
  readonly inputs: InputSource;
  readonly feeder: Feeder;
  readonly exchange: Exchange;
  readonly spending: Spending;
}

async function runBackend(work: BackendWork): Promise<void> {
  const { session, signal } = work;
  const stop = () => session.end();
  signal.addEventListener("abort", stop);
  try {
    await runCells(work);
    if (work.round === 0) await runCurves(work);
  } finally {
    signal.removeEventListener("abort", stop);
    session.kill();
  }
}

async function runCells(work: BackendWork): Promise<void> {
  const { backend, plan, done, round, header, session, signal, append, observer, spending } = work;
  for (const cell of plan.cells) {
    const need = cell.backend === backend ? done.need(cell, round) : undefined;
    if (!need) continue;
    if (signal.aborted) return;
    observer.begin(cell);
    const reason = leftOut(cell, PROFILES[header.profile]);
    if (reason) {
      const measurement = { ...baseOf(cell, round), status: "unsupported", reason } as const;
      append(measurement);
      observer.finish(cell, measurement);
      continue;
    }
    const { workload, method, dtype } = cell;
    const { rows, classes } = workload;
    const inputs = work.feeder.put(`${workload.id} ${dtype}`, () => [work.inputs.of(workload, dtype)]);
    const sampling = need === "measurement" ? header.profile : undefined;
    const task = { method, dtype, rows, classes };
    const outcome = await session.run({ type: "run", ...task, inputs, sets: 1, sampling });
    if (signal.aborted) return;
    const begun = performance.now();
    const { measurement, verdict } = judged(cell, outcome, work);
    if (need === "measurement") {
      append(measurement);
      observer.finish(cell, measurement);
    }
    if (round === 0) {
      for (const distance of verdict?.distances ?? []) append({ type: "distance", ...distance });
    }
    spending.since(begun, "verify");
  }
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

const baseOf = ({ backend, method, dtype, workload }: PlannedCell, round: number) =>
  ({ type: "cell", round, backend, method, dtype, workload: workload.id }) as const;

/** Turns what the worker answered – or did not – into what the journal keeps. */
function judged(
  cell: PlannedCell,
  outcome: SessionOutcome,
  { round, judge, exchange }: BackendWork,
): { measurement: Measurement; verdict?: Verdict } {
  const base = baseOf(cell, round);
  const concluded = conclude(cell.backend, outcome);
  if (concluded.status !== "ok") return { measurement: { ...base, ...concluded } };
  try {
    const verdict = judge.assess(cell, exchange);
    const { loss, accuracy, gradientDigest } = verdict;
    const found = { loss, accuracy, gradientDigest };
    return { verdict, measurement: { ...base, status: "ok", ...kept(concluded.reply), ...found } };
  } catch (error) {
    return { measurement: { ...base, status: "failed", reason: messageOf(error) } };
  }
}

const kept = ({ note, readback, samples }: Computed) => ({
  readback,
  ...(note ? { note } : {}),
  ...(samples ? { samples } : {}),
});
