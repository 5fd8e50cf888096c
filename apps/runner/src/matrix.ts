import { setFlagsFromString } from "node:v8";
import { type Availability, type BackendRecord, FAITHFUL, type KernelAccuracy } from "@softmax-bench/core";
import type { Images } from "@softmax-bench/networks";
import { BackendSession, stoppedBy } from "./backend-session.js";
import { type BackendWork, type RunContext, runBackend } from "./backend-work.js";
import { CurveTracer } from "./curves.js";
import { DoneWork } from "./done.js";
import { MovableExchange } from "./exchange.js";
import { Feeder } from "./feeder.js";
import { InputSource } from "./inputs.js";
import type { Entry } from "./journal.js";
import { Judge } from "./judge.js";
import { NetworkComparer, REFERENCE } from "./networks.js";
import { PROFILES } from "./profiles.js";
import { BACKENDS } from "./registry.js";
import { Spending } from "./spending.js";

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
 * every outcome journaled before the next one starts. When the signal aborts, what is under way is given up.
 */
export async function runMatrix(options: MatrixOptions): Promise<void> {
  const { header, plan, signal, append } = options;
  // Garbage is collected here when something is allocated, not in steps and threads beside what the workers measure.
  setFlagsFromString("--no-incremental-marking");
  const { processes, cellTimeoutMs } = PROFILES[header.profile];
  const timeoutMs = header.depth ? NETWORK_TIMEOUT_MS : cellTimeoutMs;
  const spending = new Spending();
  using exchange = new MovableExchange(options.say);
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

/** A cold start is recorded when it happens. */
const withoutStart = ({ coldStartNs: _, ...record }: BackendRecord): BackendRecord => record;

const unavailability = (availability: Availability | undefined) =>
  availability?.available === false ? availability : undefined;
