import {
  type Availability,
  type Backend,
  type BackendRecord,
  FAITHFUL,
  type Place,
  placeName,
  uniformSource,
} from "@softmax-bench/core";
import { type CellWork, cellItem, type RunContext, runCells } from "../experiments/cells/cells.js";
import { InputSource } from "../experiments/cells/inputs.js";
import { Judge } from "../experiments/cells/judge.js";
import type { Experiment, ExperimentRun } from "../experiments/experiment.js";
import type { WorkItem } from "../experiments/observer.js";
import { longestFirst } from "../plan/longest-first.js";
import { placesOfRun } from "../plan/place-names.js";
import { hasTask, isRunnable, type Plan, type PlannedCell } from "../plan/plan.js";
import { PROFILES } from "../plan/profiles.js";
import { drawVisits, shuffle, type Visit } from "../plan/visits.js";
import type { Entry } from "../results/journal/entries.js";
import { RunState } from "../results/journal/remaining-work.js";
import { BackendSession, withAbort } from "../session/backend-session.js";
import type { HostTable } from "../session/host-table.js";
import { PhaseTimer } from "../session/phase-timer.js";
import type { MachineMonitor } from "./machine/machine-monitor.js";
import { RoundTimer } from "./round-timer.js";

/** Time limit for all steps of a deep network, or for its training on a slow backend. */
const NETWORK_TIMEOUT_MS = 900_000;

/**
 * Variables by which the system's allocator keeps freed memory for the next arrays, in bytes. For large gradients, fresh
 * pages take as long as computing; where that is timed, it belongs to the time.
 */
const KEPT_MEMORY = {
  MALLOC_MMAP_THRESHOLD_: String(2 ** 32),
  MALLOC_TRIM_THRESHOLD_: String(2 ** 34),
} as const;

export interface OrchestrateOptions extends RunContext {
  readonly plan: Plan;
  readonly experiments: readonly Experiment[];
  /**
   * The hosts of the plan: one table, or several of the same, each with an exchange of arrays of its own. Without times,
   * a place of each is used at the same time; else those of the first alone.
   */
  readonly hosts: readonly [HostTable, ...HostTable[]];
  /** The backends of the plan, by id. */
  readonly backends: ReadonlyMap<string, Backend>;
  /** Observes the other activity of the machine, where that is possible. */
  readonly monitor: MachineMonitor | undefined;
  /** The entries that an interrupted run already has. */
  readonly done: readonly Entry[];
  /** The outcome of providing native parts, by backend. */
  readonly provisioned: ReadonlyMap<string, Availability>;
}

/**
 * Runs the missing part of a plan: each backend in a process of its own, first its cells, then the experiments. Every
 * outcome is in the journal before the next one starts. Then it measures cells again in fresh processes, while time
 * allows. A profile without times uses several processes at once. If the signal aborts, work in progress is abandoned.
 */
export async function orchestrate(options: OrchestrateOptions): Promise<void> {
  const { header, plan, experiments, backends, monitor, signal, append, observer } = options;
  const [hosts] = options.hosts;
  const profile = PROFILES[header.profile];
  const phaseTimer = new PhaseTimer();
  for (const record of hosts.records) append({ type: "host", ...record });
  const inputs = new InputSource(header.seed);
  const kernels = new Map([...backends].map(([id, { kernels: own }]) => [id, own ?? FAITHFUL] as const));
  const state = new RunState(options.done, plan.cells, !profile.digestsOnly);
  const shared = {
    phaseTimer,
    state,
    inputs,
    judge: new Judge({ seed: header.seed, inputs, kernels }),
  };
  const createSession = sessionFactory(options, phaseTimer);
  const experimentRun: ExperimentRun = {
    signal,
    announce: (what) => observer.prepare(what),
    async useSession(place, threads, use) {
      const session = await createSession(place, threads);
      return withAbort(signal, session, () => use(session));
    },
  };
  const remaining = (round: number) => [
    ...remainingCells(plan, state, round)
      .filter((cell) => isRunnable(cell, profile, backends.get(cell.backend)))
      .map(cellItem),
    ...(round === 0 ? remainingExperiments(plan, state, experiments) : []),
  ];
  const canHaveTwin = (cell: PlannedCell) => {
    const backend = backends.get(cell.backend);
    return backend !== undefined && hasTask(backend, cell);
  };
  const visitsOf = (place: Place, round: number): Visit[] =>
    drawVisits(
      plan.cells.filter((cell) => isAt(cell, place)),
      {
        seed: header.seed,
        round,
        canHaveTwin: profile.digestsOnly ? undefined : canHaveTwin,
        passes: profile.passes,
        retries: profile.retries,
      },
    );
  const timer = new RoundTimer(profile, header.timeMs, options.done);
  // Of a run that is complete, the machine's present state is none of its results.
  const hasWork = (): boolean => {
    if (remainingExperiments(plan, state, experiments).length > 0) return true;
    for (let round = 0; timer.hasTime(round); round++) {
      const missing = placesOfRun(header)
        .flatMap((place) => visitsOf(place, round))
        .filter((visit) => state.remaining(visit, round) !== undefined);
      if (missing.some(({ cell }) => isRunnable(cell, profile, backends.get(cell.backend)))) return true;
    }
    return false;
  };
  // A gate checks the machine by its null control, and starts too many processes to wait in each.
  const watching = !profile.digestsOnly && hasWork() ? monitor : undefined;
  const observe = async (when: "before" | "during" | "after", startedNext = false) => {
    if (!watching) return;
    const state = await watching.observe();
    // What the next browser computed would count as other programs' work.
    const { loadAverage, spinNs } = state;
    append({ type: "machine", when, state: startedNext ? { loadAverage, spinNs, startedNext } : state });
  };
  const startsAhead = (place: Place, round: number): boolean =>
    profile.startsAhead === true &&
    hosts.of(place).isSlowToStart === true &&
    remainingCells(plan, state, round).some(
      (cell) => isAt(cell, place) && isRunnable(cell, profile, backends.get(cell.backend)),
    );
  /** The session of the next place, if it starts while this one is measured. */
  let ahead: BackendSession | undefined;
  try {
    await observe("before");
    for (const experiment of experiments) {
      const missing = experiment.plannedWork(plan).filter((work) => !state.has(experiment.key(work)));
      await experiment.prepare?.(missing, experimentRun);
    }
    for (let round = 0; timer.hasTime(round) && !signal.aborted; round++) {
      timer.begin();
      // Experiments are done in round 0: a run of nothing else has no work in others.
      if (round > 0 && plan.cells.length === 0) break;
      observer.startRound(round, remaining(round));
      const uniform = uniformSource(`backends/${round}`, header.seed);
      const places = shuffle(placesOfRun(header), uniform);
      const cellWork = (place: Place, session: BackendSession): CellWork => ({
        ...options,
        ...shared,
        adapter: backends.get(place.backend),
        session,
        round,
        visits: visitsOf(place, round),
      });
      const measurePlace = async (
        place: Place,
        session: BackendSession,
        signal: AbortSignal,
        finish?: () => Promise<void>,
      ) => {
        await withAbort(signal, session, async () => {
          await runCells({ ...cellWork(place, session), signal });
          for (const experiment of round === 0 ? experiments : []) {
            await runExperiment(experiment, place, { ...options, state, session, experimentRun, signal });
          }
          await finish?.();
        });
        if (session.record?.peakRssBytes) append({ type: "backend", ...withoutStart(session.record) });
      };
      if (profile.untimed) {
        await takeAtOnce(
          options.hosts,
          longestFirst(places, plan, backends),
          signal,
          async (place, table, stop) =>
            measurePlace(place, await createSession(place, header.threads, table), stop),
        );
        continue;
      }
      for (const [index, place] of places.entries()) {
        const session = ahead ?? (await createSession(place, header.threads));
        const next = places[index + 1];
        ahead = next && startsAhead(next, round) ? await createSession(next, header.threads) : undefined;
        if (!ahead) await watching?.begin();
        ahead?.startAhead();
        await measurePlace(place, session, signal, async () => {
          if (!signal.aborted) await observe("during", ahead !== undefined);
        });
        if (signal.aborted) break;
      }
    }
  } finally {
    ahead?.end();
    if (!signal.aborted) await watching?.begin();
    await observe("after");
    append({ type: "spent", wallNs: phaseTimer.total() });
  }
}

/**
 * Takes places at the same time, in the given order: one for each table of hosts.
 * @throws what the first one to fail throws; the others are then abandoned
 */
async function takeAtOnce(
  tables: readonly HostTable[],
  places: readonly Place[],
  signal: AbortSignal,
  take: (place: Place, table: HostTable, stop: AbortSignal) => Promise<void>,
): Promise<void> {
  const waiting = [...places];
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  await Promise.all(
    tables.map(async (table) => {
      try {
        for (let place = waiting.shift(); place && !stop.aborted; place = waiting.shift()) {
          await take(place, table, stop);
        }
      } catch (error) {
        failed.abort(error);
      }
    }),
  );
  if (failed.signal.aborted) throw failed.signal.reason;
}

/** Does the missing work of an experiment in one place. */
async function runExperiment(
  experiment: Experiment,
  place: Place,
  {
    plan,
    state,
    session,
    experimentRun,
    signal,
    append,
    observer,
  }: OrchestrateOptions & {
    readonly state: RunState;
    readonly session: BackendSession;
    readonly experimentRun: ExperimentRun;
  },
): Promise<void> {
  for (const work of experiment.plannedWork(plan)) {
    if (!isAt(work, place) || state.has(experiment.key(work))) continue;
    if (signal.aborted) return;
    const item = { label: experiment.label(work), weight: experiment.weight(work) };
    observer.begin(item);
    const result = await experiment.run(work, session, experimentRun);
    if (signal.aborted) return;
    append({ type: experiment.type, ...result } as Entry);
    const isDone = result.status === "ok";
    observer.finish(item, isDone ? experiment.describe(result) : `${result.status}: ${result.reason}`);
  }
}

function sessionFactory(
  { header, provisioned, backends, append, hosts: [first] }: OrchestrateOptions,
  phaseTimer: PhaseTimer,
): (place: Place, threads: number, hosts?: HostTable) => Promise<BackendSession> {
  const reported = new Set(placesOfRun(header).map(placeName));
  const { cellTimeoutMs, untimed } = PROFILES[header.profile];
  const timeoutMs = header.depth ? NETWORK_TIMEOUT_MS : cellTimeoutMs;
  return async (place, threads, hosts = first) =>
    new BackendSession({
      place,
      threads,
      timeoutMs,
      phaseTimer,
      adapter: backends.get(place.backend),
      environment: untimed ? KEPT_MEMORY : undefined,
      remedies: hosts.remediesOf(place),
      host: hosts.of(place),
      unavailable: (await hosts.findProblem(place)) ?? unavailability(provisioned.get(place.backend)),
      // Before its first result: the process may not survive that.
      onRecord: (record) => {
        if (reported.has(placeName(place))) append({ type: "backend", ...record });
      },
    });
}

/** The cells that a round has yet to measure. */
export const remainingCells = ({ cells }: Plan, state: RunState, round: number): PlannedCell[] =>
  cells.filter(
    (cell) => state.remaining({ cell, isTwin: false, pass: 0, retry: undefined }, round) === "measurement",
  );

/** The missing work of the experiments of a run. */
export const remainingExperiments = (
  plan: Plan,
  state: RunState,
  experiments: readonly Experiment[],
): WorkItem[] =>
  experiments.flatMap((experiment) =>
    experiment
      .plannedWork(plan)
      .filter((work) => !state.has(experiment.key(work)))
      .map((work) => ({ label: experiment.label(work), weight: experiment.weight(work) })),
  );

const isAt = (work: Place, place: Place): boolean =>
  work.backend === place.backend && work.host === place.host;

/** A cold start is recorded when it happens. */
const withoutStart = ({ coldStartNs: _, ...record }: BackendRecord): BackendRecord => record;

const unavailability = (availability: Availability | undefined) =>
  availability?.available === false ? availability : undefined;
