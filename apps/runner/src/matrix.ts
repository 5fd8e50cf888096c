import {
  type Availability,
  type BackendRecord,
  type Curve,
  FAITHFUL,
  type KernelAccuracy,
  type NetworkRecord,
} from "@softmax-bench/core";
import type { Images } from "@softmax-bench/networks";
import { BackendSession, type SessionOutcome } from "./backend-session.js";
import { CurveTracer } from "./curves.js";
import { DoneWork } from "./done.js";
import { messageOf } from "./errors.js";
import { arraysOf, closeExchange, type Exchange, openExchange } from "./exchange.js";
import { Feeder } from "./feeder.js";
import { InputSource } from "./inputs.js";
import type { Entry, Header, Measurement } from "./journal.js";
import { Judge, type Verdict } from "./judge.js";
import { NetworkComparer, REFERENCE } from "./networks.js";
import { conclude } from "./outcome.js";
import { leftOut, type Plan, type PlannedCell, type Work } from "./plan.js";
import { PROFILES } from "./profiles.js";
import type { Computed } from "./protocol.js";
import { BACKENDS } from "./registry.js";
import { type MeasuredSeries, traceSeries, type WithSession } from "./scaling/tracer.js";
import { Spending } from "./spending.js";
import type { Turns } from "./turns.js";

/** The steps of a deep network, all together, or its training on a slow backend. */
const NETWORK_TIMEOUT_MS = 900_000;

/** What hears of each piece of work. */
export interface Observer {
  /** Something that the work needs. */
  prepare(what: string): void;
  begin(work: Work): void;
  finish(work: Work, outcome: Measurement | Curve | NetworkRecord | MeasuredSeries): void;
}

export interface MatrixOptions {
  readonly header: Header;
  readonly plan: Plan;
  /** What networks see; there, if the plan has networks. */
  readonly images: Images | undefined;
  /** What an interrupted run already has. */
  readonly done: readonly Entry[];
  /** What came of bringing native parts, by backend. */
  readonly provisioned: ReadonlyMap<string, Availability>;
  readonly append: (entry: Entry) => void;
  readonly observer: Observer;
  readonly signal: AbortSignal;
  /** Set if other runs measure at the same time: one cell is measured at a time. */
  readonly turns: Turns | undefined;
}

/**
 * Runs what is missing of a plan: each backend in a process of its own, its cells, then curves, then networks,
 * every outcome journaled before the next one starts. When the signal aborts, what is under way is given up.
 */
export async function runMatrix(options: MatrixOptions): Promise<void> {
  const { header, plan, signal, append } = options;
  const { processes, cellTimeoutMs } = PROFILES[header.profile];
  const timeoutMs = header.depth ? NETWORK_TIMEOUT_MS : cellTimeoutMs;
  const spending = new Spending();
  const exchange = openExchange();
  const feeder = new Feeder(exchange);
  const inputs = new InputSource(header.seed);
  const kernels = await kernelsOf(header.backends);
  const shared = {
    ...{ exchange, feeder, inputs, spending },
    judge: new Judge({
      seed: header.seed,
      inputs,
      kernels,
      digestsOnly: PROFILES[header.profile].timesOnly ?? false,
    }),
    tracer: new CurveTracer(header.seed, exchange, feeder),
    comparer:
      header.depth && options.images
        ? new NetworkComparer(header.depth, options.images, exchange, feeder)
        : undefined,
    done: new DoneWork(options.done, plan.cells, !PROFILES[header.profile].timesOnly),
  };
  try {
    await computeReferences({ ...options, ...shared }, timeoutMs);
    for (let round = 0; round < processes && !signal.aborted; round++) {
      for (const backend of header.backends) {
        const unavailable = unavailability(options.provisioned.get(backend));
        const sessionWith = (threads: number) =>
          new BackendSession({
            ...{ backend, threads, timeoutMs, spending, exchange, unavailable },
            // Before its first result: what follows may not live to say it.
            onRecord: (record) => append({ type: "backend", ...record }),
          });
        const session = sessionWith(header.threads);
        await runBackend({ ...options, ...shared, backend, session, sessionWith, round });
        if (session.record?.peakRssBytes) append({ type: "backend", ...withoutStart(session.record) });
        if (signal.aborted) break;
      }
    }
  } finally {
    closeExchange(exchange);
    append({ type: "spent", wallNs: spending.total() });
  }
}

/** The accuracy of each backend's elementary functions. */
async function kernelsOf(backends: readonly string[]): Promise<ReadonlyMap<string, KernelAccuracy>> {
  const loaded = await Promise.all(backends.map(async (id) => [id, await BACKENDS[id]?.()] as const));
  return new Map(loaded.map(([id, backend]) => [id, backend?.kernels ?? FAITHFUL]));
}

/** For networks that are still to be compared, in a process that is gone before any is. */
async function computeReferences(
  {
    plan,
    done,
    comparer,
    header,
    spending,
    exchange,
    signal,
    observer,
  }: Omit<BackendWork, "backend" | "session" | "sessionWith" | "round">,
  timeoutMs: number,
): Promise<void> {
  const depths = new Set(plan.networks.filter((one) => !done.hasNetwork(one)).map(({ depth }) => depth));
  if (!comparer || depths.size === 0) return;
  const { backend } = REFERENCE;
  const { threads } = header;
  const session = new BackendSession({ backend, threads, timeoutMs, spending, exchange });
  await stoppedBy(signal, session, async () => {
    for (const depth of depths) {
      if (signal.aborted) return;
      observer.prepare(`float64 reference of depth ${depth}`);
      await comparer.reference(depth, { backend, session });
    }
  });
}

/** Ends a session with its work, or at once if the signal aborts. */
async function stoppedBy<T>(
  signal: AbortSignal,
  session: BackendSession,
  work: () => Promise<T>,
): Promise<T> {
  const stop = () => session.end();
  signal.addEventListener("abort", stop);
  try {
    return await work();
  } finally {
    signal.removeEventListener("abort", stop);
    session.kill();
  }
}

/** A cold start is recorded when it happens. */
const withoutStart = ({ coldStartNs: _, ...record }: BackendRecord): BackendRecord => record;

const unavailability = (availability: Availability | undefined) =>
  availability?.available === false ? availability : undefined;

interface BackendWork extends Omit<MatrixOptions, "done"> {
  readonly backend: string;
  readonly session: BackendSession;
  /** Another one of the same backend, in a process of its own. */
  readonly sessionWith: (threads: number) => BackendSession;
  readonly round: number;
  readonly done: DoneWork;
  readonly judge: Judge;
  readonly tracer: CurveTracer;
  readonly comparer: NetworkComparer | undefined;
  readonly inputs: InputSource;
  readonly feeder: Feeder;
  readonly exchange: Exchange;
  readonly spending: Spending;
}

async function runBackend(work: BackendWork): Promise<void> {
  await stoppedBy(work.signal, work.session, async () => {
    await runCells(work);
    if (work.round > 0) return;
    await runCurves(work);
    await runNetworks(work);
    await runSeries(work);
  });
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
    await work.turns?.take("prepare");
    await session.start();
    const inputs = work.feeder.put(`${workload.id} ${dtype}`, () =>
      arraysOf(work.inputs.of(workload, dtype)),
    );
    const sampling = need === "measurement" ? header.profile : undefined;
    const task = { method, dtype, rows, classes };
    await work.turns?.take("cell");
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

const baseOf = ({ backend, method, dtype, workload }: PlannedCell, round: number) =>
  ({ type: "cell", round, backend, method, dtype, workload: workload.id }) as const;

/** Turns what the worker answered – or did not – into what the journal keeps. */
function judged(
  cell: PlannedCell,
  outcome: SessionOutcome,
  { round, judge, exchange }: BackendWork,
): { measurement: Measurement; verdict?: Verdict } {
  const base = baseOf(cell, round);
  const concluded = conclude(cell.backend, outcome, "computed");
  if (concluded.status !== "ok") return { measurement: { ...base, ...concluded } };
  try {
    const verdict = judge.assess(cell, exchange);
    const { loss, accuracy, gradientDigest } = verdict;
    const found = { loss, ...(accuracy ? { accuracy } : {}), gradientDigest };
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
