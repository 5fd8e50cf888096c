import { type BackendRecord, messageOf, type Place } from "@softmax-bench/core";
import { remedyForCrash, remedyForThrown } from "@softmax-bench/host-node";
import { remedyForPythonCrash } from "@softmax-bench/host-python";
import {
  type Connection,
  type Crash,
  type Host,
  type Opened,
  type Outcome,
  PROTOCOL_VERSION,
} from "@softmax-bench/measure";
import { referenceMark } from "../plan/backends.js";
import { loadBackend } from "../plan/load-backends.js";
import { kindOfHost } from "../plan/places.js";
import { withinTime } from "../plan/within-time.js";

export interface OpenBackendOptions {
  readonly place: Place;
  readonly threads: number;
  readonly timeoutMs: number;
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
  const { place, threads, timeoutMs, host, onStart } = options;
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
    const adapter = await loadBackend(backend);
    const environment = await withinTime(Promise.resolve(adapter?.environment?.()), timeoutMs);
    const worker = (await host).connect(environment ?? {});
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
    const replace = adapter?.provision && `pnpm provision ${backend}`;
    const slow = outcome.kind === "timeout";
    const kind = place.host === undefined ? "node" : kindOfHost(place.host);
    const remedyFor = (crash: Crash) => {
      if (kind === "python") return remedyForPythonCrash(crash);
      return kind === "browser" ? OTHER_BROWSER : remedyForCrash(crash, replace);
    };
    return { permanent, slow, record: unavailable(...whyUnavailable(outcome, remedyFor)) };
  } catch (error) {
    return { permanent: true, slow: false, record: unavailable(messageOf(error), remedyForThrown(error)) };
  }
}

/** Remedy for a runtime that may only need more time. */
const RETRY = "try again when the machine is less busy; if it is as slow then, it hangs while it starts";

/** For a page that ends while it starts a backend. */
const OTHER_BROWSER = "try another browser, or leave this backend out";

const toRecord = ({ backend, host }: Place, { type: _, ...opened }: Opened): BackendRecord => ({
  id: backend,
  host,
  ...referenceMark(backend),
  status: "available",
  ...opened,
});

function whyUnavailable(
  outcome: Outcome,
  remedyFor: (crash: Crash) => string,
): [reason: string, remedy: string] {
  if (outcome.kind === "timeout") return [`it is slow to start: ${outcome.reason}`, RETRY];
  if (outcome.kind === "crashed") return [outcome.reason, remedyFor(outcome)];
  const { reply } = outcome;
  if (reply.type === "unavailable") return [reply.reason, reply.remedy];
  if (reply.type === "failed") return [reply.reason, reply.remedy ?? remedyForThrown(undefined)];
  const reason = `the worker answered ${reply.type} when opened`;
  return [reason, remedyFor({ cause: "protocol", reason })];
}
