import { setFlagsFromString } from "node:v8";
import { type Availability, type BackendRecord, FAITHFUL, uniformSource } from "@softmax-bench/core";
import { Exchange, NodeHost } from "@softmax-bench/host-node";
import type { Host } from "@softmax-bench/measure";
import { ThroughputReference } from "@softmax-bench/measure";
import type { Images } from "@softmax-bench/networks";
import { InputSource } from "../experiments/cells/inputs.js";
import { Judge } from "../experiments/cells/judge.js";
import { CurveTracer } from "../experiments/curves/curves.js";
import { NetworkComparer, REFERENCE } from "../experiments/networks/networks.js";
import type { Entry } from "../journal/entries.js";
import { MachineMonitor } from "../machine/machine-monitor.js";
import { BACKENDS_MODULE, loadBackends } from "../plan/backends.js";
import type { Plan, PlannedCell, Work } from "../plan/plan.js";
import { PROFILES, type Profile } from "../plan/profiles.js";
import { drawVisits, shuffle } from "../plan/visits.js";
import { BackendSession, stoppedBy } from "../session/backend-session.js";
import { Spending } from "../session/spending.js";
import { type BackendWork, type RunContext, runBackend } from "./backend-work.js";
import { DoneWork } from "./run-state.js";

/** The steps of a deep network, all together, or its training on a slow backend. */
const NETWORK_TIMEOUT_MS = 900_000;

export interface MatrixOptions extends RunContext {
  /** What networks see; there, if the plan has networks. */
  readonly images: Images | undefined;
  /** What an interrupted run already has. */
  readonly done: readonly Entry[];
  /** What came of bringing native parts, by backend. */
  readonly provisioned: ReadonlyMap<string, Availability>;
  readonly say: (line: string) => void;
}

/**
 * Runs what is missing of a plan: each backend in a process of its own, its cells, then curves, then networks,
 * every outcome journaled before the next one starts. Then cells again in fresh processes, while there is time. When the
 * signal aborts, what is under way is given up.
 */
export async function runMatrix(options: MatrixOptions): Promise<void> {
  const { header, plan, signal, append, observer } = options;
  // Garbage is collected here when something is allocated, not in steps and threads beside what the workers measure.
  setFlagsFromString("--no-incremental-marking");
  const profile = PROFILES[header.profile];
  const timeoutMs = header.depth ? NETWORK_TIMEOUT_MS : profile.cellTimeoutMs;
  const spending = new Spending();
  using exchange = new Exchange(options.say);
  const host = new NodeHost({ backends: BACKENDS_MODULE, exchange });
  const inputs = new InputSource(header.seed);
  const backends = await loadBackends(header.backends);
  const kernels = new Map([...backends].map(([id, { kernels: own }]) => [id, own ?? FAITHFUL] as const));
  const done = new DoneWork(options.done, plan.cells, !profile.timesOnly);
  const shared = {
    host,
    inputs,
    spending,
    done,
    throughput: new ThroughputReference(),
    judge: new Judge({ seed: header.seed, inputs, kernels }),
    tracer: new CurveTracer(header.seed),
    comparer: header.depth && options.images ? new NetworkComparer(header.depth, options.images) : undefined,
  };
  const monitor = new MachineMonitor();
  // A gate looks at the machine by its null control, and starts too many processes to wait in each.
  const isWatched = !profile.timesOnly && remainingWork(plan, done, 0).length > 0;
  const observe = async (when: "before" | "during" | "after") => {
    if (isWatched) append({ type: "machine", when, state: await monitor.observe() });
  };
  const canHaveTwin = ({ backend, method, dtype }: PlannedCell) => {
    const { dtypes, methods } = backends.get(backend) ?? {};
    return (dtypes?.includes(dtype) ?? false) && (methods?.includes(method) ?? true);
  };
  try {
    await observe("before");
    await computeReferences({ ...options, ...shared }, timeoutMs);
    // What a run was given, it had before it was interrupted: continued, it only does what it lacks.
    const isContinued = options.done.some(({ type }) => type === "cell");
    const hasTime = roundTimer(profile, isContinued ? 0 : header.timeMs);
    for (let round = 0; hasTime(round) && !signal.aborted; round++) {
      observer.startRound(round, remainingWork(plan, done, round));
      const uniform = uniformSource(`backends/${round}`, header.seed);
      for (const backend of shuffle(header.backends, uniform)) {
        const unavailable = unavailability(options.provisioned.get(backend));
        const sessionWith = (threads: number) =>
          new BackendSession({
            backend,
            threads,
            timeoutMs,
            spending,
            host,
            unavailable,
            // Before its first result: what follows may not live to say it.
            onRecord: (record) => append({ type: "backend", ...record }),
          });
        const session = sessionWith(header.threads);
        const visits = drawVisits(
          plan.cells.filter((cell) => cell.backend === backend),
          { seed: header.seed, round, canHaveTwin: profile.timesOnly ? undefined : canHaveTwin },
        );
        await runBackend({
          ...options,
          ...shared,
          backend,
          adapter: backends.get(backend),
          session,
          sessionWith,
          round,
          visits,
        });
        if (session.record?.peakRssBytes) append({ type: "backend", ...withoutStart(session.record) });
        if (signal.aborted) break;
        await observe("during");
      }
    }
  } finally {
    await observe("after");
    append({ type: "spent", wallNs: spending.total() });
  }
}

/** Says whether there is another round: at least as many as the profile asks for, then as many as the time allows. */
function roundTimer(
  { processes, mostProcesses, timeMs }: Profile,
  given = timeMs,
): (round: number) => boolean {
  const begun = performance.now();
  let roundBegun = begun;
  return (round) => {
    const now = performance.now();
    const lastRoundMs = now - roundBegun;
    roundBegun = now;
    return round < processes || (round < mostProcesses && now - begun + lastRoundMs <= given);
  };
}

/** What is missing of a plan that a round is for. */
function remainingWork({ cells, curves, networks, series }: Plan, done: DoneWork, round: number): Work[] {
  const missing = cells.filter((cell) => done.need({ cell, isTwin: false }, round) === "measurement");
  if (round > 0) return missing;
  return [
    ...missing,
    ...curves.filter((curve) => !done.hasCurve(curve)),
    ...networks.filter((network) => !done.hasNetwork(network)),
    ...series.filter((one) => !done.hasSeries(one)),
  ];
}

/** For networks that are still to be compared, in a process that is gone before any is. */
async function computeReferences(
  {
    plan,
    done,
    comparer,
    header,
    spending,
    host,
    signal,
    observer,
  }: Omit<BackendWork, "backend" | "adapter" | "session" | "sessionWith" | "round" | "visits"> & {
    readonly host: Host;
  },
  timeoutMs: number,
): Promise<void> {
  const depths = new Set(plan.networks.filter((one) => !done.hasNetwork(one)).map(({ depth }) => depth));
  if (!comparer || depths.size === 0) return;
  const { backend } = REFERENCE;
  const { threads } = header;
  const session = new BackendSession({ backend, threads, timeoutMs, spending, host });
  await stoppedBy(signal, session, async () => {
    for (const depth of depths) {
      if (signal.aborted) return;
      observer.prepare(`float64 reference of depth ${depth}`);
      await comparer.reference(depth, { backend, session });
    }
  });
}

/** A cold start is recorded when it happens. */
const withoutStart = ({ coldStartNs: _, ...record }: BackendRecord): BackendRecord => record;

const unavailability = (availability: Availability | undefined) =>
  availability?.available === false ? availability : undefined;
