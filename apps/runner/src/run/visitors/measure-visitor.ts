import {
  type Backend,
  findWorkload,
  METHODS,
  type Place,
  placeName,
  type Results,
  USUAL_DTYPE_IDS,
} from "@softmax-bench/core";
import type { Host } from "@softmax-bench/measure";
import type { Observer } from "../../experiments/observer.js";
import { planCells } from "../../plan/plan.js";
import { PROFILES } from "../../plan/profiles.js";
import { WHOLE } from "../../plan/shard.js";
import { shardWork } from "../../plan/shard-work.js";
import { type Entry, type Header, JOURNAL_VERSION } from "../../results/journal/entries.js";
import { type HostTable, PAGE_REMEDIES } from "../../session/host-table.js";
import { assemble } from "../assemble.js";
import { orchestrate } from "../orchestrate.js";
import { threadsOf, toEnvironment, toHostRecord, type VisitorRequest } from "./visitor.js";

/** The seed of the inputs, as in every run that does not name one. */
const SEED = 0;

export interface VisitorRun {
  /** The id of the run. */
  readonly id: string;
  readonly startedAt: Date;
  readonly request: VisitorRequest;
  /** The backends that run in pages, by id. */
  readonly backends: ReadonlyMap<string, Backend>;
  /** Makes the host that opens pages, or workers, in the visitor's browser. */
  readonly createHost: (id: string) => Host;
  /** The program that judges. */
  readonly software: Pick<Header, "version" | "commit"> & { readonly node: string };
  readonly observer: Observer;
  readonly signal: AbortSignal;
}

/**
 * Measures the matrix of a profile in a visitor's browser, and judges it here. This module and all that it imports run
 * in any JavaScript host: in the Node that serves a page, or in the page itself.
 *
 * @throws Error if the request names an unknown backend, or the signal aborts
 */
export async function measureVisitor(run: VisitorRun): Promise<Results> {
  const { request, backends, observer, signal } = run;
  const unknown = request.backends.find((id) => !backends.has(id));
  if (unknown !== undefined) {
    throw new Error(`expected backends among ${[...backends.keys()].join(", ")}; got ${unknown}`);
  }
  const record = toHostRecord(request.machine);
  const host = run.createHost(record.id);
  const hosts: HostTable = {
    records: [record],
    of: () => host,
    findProblem: async () => undefined,
    remediesOf: () => PAGE_REMEDIES,
  };
  const ids = [...backends.keys()].filter((id) => request.backends.includes(id));
  const places = ids.map((backend): Place => ({ backend, host: host.id }));
  const { cells, header } = await planVisitor(run, places);
  const plan = { cells, curves: [], networks: [], series: [] };
  const entries: Entry[] = [];
  await orchestrate({
    header,
    plan,
    experiments: [],
    hosts: [hosts],
    backends,
    monitor: undefined,
    done: [],
    provisioned: new Map(),
    turns: undefined,
    append: (entry) => entries.push(entry),
    observer,
    signal,
  });
  signal.throwIfAborted();
  return assemble(header, entries, plan, []);
}

async function planVisitor({ id, startedAt, request, backends, software }: VisitorRun, places: Place[]) {
  const { profile: profileId, machine } = request;
  const profile = PROFILES[profileId];
  const methods = METHODS.map((method) => method.id);
  const workloads = profile.workloads.flatMap((workload) => findWorkload(workload) ?? []);
  const ids = places.map(({ backend }) => backend);
  const matrix = planCells({
    backends: ids,
    places,
    hosts: [],
    methods,
    ownMethods: new Map(),
    dtypes: USUAL_DTYPE_IDS,
    workloads,
    cells: undefined,
    sweeps: [],
  });
  const { cells, digest } = await shardWork(matrix, WHOLE, { profile, seed: SEED, backends });
  const header: Header = {
    type: "run",
    journalVersion: JOURNAL_VERSION,
    id,
    startedAt: startedAt.toISOString(),
    command: "bench",
    profile: profileId,
    argv: ["--profile", profileId, "--host", toHostRecord(machine).id, "--backend", ids.join()],
    commit: software.commit,
    version: software.version,
    plan: digest,
    seed: SEED,
    threads: threadsOf(machine),
    backends: ids,
    places: places.map(placeName),
    hosts: [{ id: toHostRecord(machine).id }],
    methods,
    dtypes: [...USUAL_DTYPE_IDS],
    workloads: workloads.map((workload) => workload.id),
    environment: toEnvironment(machine, software.node),
  };
  return { cells, header };
}
