import { type Backend, type BackendRecord, commandLine, messageOf, type Place } from "@softmax-bench/core";
import {
  type Connection,
  type Host,
  type Opened,
  type Outcome,
  PROTOCOL_VERSION,
} from "@softmax-bench/measure";
import { referenceMark } from "../plan/references.js";
import { withinTime } from "../plan/within-time.js";
import type { Remedies } from "./host-table.js";

export interface OpenBackendOptions {
  readonly place: Place;
  readonly threads: number;
  readonly timeoutMs: number;
  /** Undefined for an unknown id. */
  readonly adapter: Backend | undefined;
  readonly remedies: Remedies;
  /** Variables that the worker starts with, besides those of the backend. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** A host that cannot be had makes the backend unavailable. */
  readonly host: Host | Promise<Host>;
  /** Receives the worker before it has answered, so that the caller can kill it. */
  readonly onStart?: (worker: Connection) => void;
}

/** The outcome of starting a backend in a process of its own. */
export type Opening =
  | { readonly worker: Connection; readonly record: BackendRecord }
  | {
      readonly worker?: undefined;
      readonly record: BackendRecord;
      readonly permanent: boolean;
      /** True if it was abandoned while it started; no fault is known. */
      readonly slow: boolean;
    };

/**
 * Starts a backend in a fresh process and computes a first gradient there, so that a failure affects only that
 * process.
 */
export async function openBackend(options: OpenBackendOptions): Promise<Opening> {
  const { place, threads, timeoutMs, adapter, remedies, host, onStart } = options;
  const { backend } = place;
  const unavailable = (reason: string, remedy: string): BackendRecord => ({
    id: backend,
    host: place.host,
    ...referenceMark(backend),
    status: "unavailable",
    reason,
    remedy,
  });
  try {
    const own = await withinTime(Promise.resolve(adapter?.environment?.()), timeoutMs);
    const worker = (await host).connect({ ...options.environment, ...own });
    onStart?.(worker);
    const outcome = await worker.request(
      { type: "open", protocol: PROTOCOL_VERSION, backend, threads },
      timeoutMs,
    );
    if (outcome.kind === "answered" && outcome.reply.type === "opened") {
      const { downloadBytes } = worker;
      return { worker, record: { ...toRecord(place, outcome.reply), downloadBytes } };
    }
    worker.kill();
    const permanent = outcome.kind === "answered" && outcome.reply.type === "unavailable";
    const replace = adapter?.provision && commandLine(`doctor --fix ${backend}`);
    const slow = outcome.kind === "timeout";
    return { permanent, slow, record: unavailable(...whyUnavailable(outcome, remedies, replace)) };
  } catch (error) {
    return { permanent: true, slow: false, record: unavailable(messageOf(error), remedies.forThrown(error)) };
  }
}

/** Remedy for a runtime that may only need more time. */
const RETRY = "try again when the machine is less busy; if it is as slow then, it hangs while it starts";

const toRecord = ({ backend, host }: Place, { type: _, ...opened }: Opened): BackendRecord => ({
  id: backend,
  host,
  ...referenceMark(backend),
  status: "available",
  ...opened,
});

function whyUnavailable(
  outcome: Outcome,
  remedies: Remedies,
  replace: string | undefined,
): [reason: string, remedy: string] {
  if (outcome.kind === "timeout") return [`it is slow to start: ${outcome.reason}`, RETRY];
  if (outcome.kind === "crashed") return [outcome.reason, remedies.forCrash(outcome, replace)];
  const { reply } = outcome;
  if (reply.type === "unavailable") return [reply.reason, reply.remedy];
  if (reply.type === "failed") return [reply.reason, reply.remedy ?? remedies.forThrown(undefined)];
  const reason = `the worker answered ${reply.type} when opened`;
  return [reason, remedies.forCrash({ cause: "protocol", reason }, replace)];
}
