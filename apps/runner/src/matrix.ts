import { closeSync } from "node:fs";
import type { Availability } from "@softmax-bench/core";
import { BackendSession, type SessionOutcome } from "./backend-session.js";
import { DoneWork } from "./done.js";
import { messageOf } from "./errors.js";
import { openGradientFile } from "./gradient-file.js";
import type { Entry, Header, Measurement } from "./journal.js";
import { Judge, type Verdict } from "./judge.js";
import { leftOut, type PlannedCell } from "./plan.js";
import { PROFILES } from "./profiles.js";
import type { Measured } from "./protocol.js";
import { Spending } from "./spending.js";

/** What hears of each cell. */
export interface Observer {
  begin(cell: PlannedCell): void;
  finish(cell: PlannedCell, measurement: Measurement): void;
}

export interface MatrixOptions {
  readonly header: Header;
  readonly cells: readonly PlannedCell[];
  /** What an interrupted run already has. */
  readonly done: readonly Entry[];
  /** What came of bringing native parts, by backend. */
  readonly provisioned: ReadonlyMap<string, Availability>;
  readonly append: (entry: Entry) => void;
  readonly observer: Observer;
  readonly signal: AbortSignal;
}

/**
 * Runs what is missing of a matrix: each backend in a process of its own, one cell after the other, every
 * outcome journaled before the next cell starts. When the signal aborts, the cell under way is given up.
 */
export async function runMatrix(options: MatrixOptions): Promise<void> {
  const { header, cells, signal, append } = options;
  const profile = PROFILES[header.profile];
  const spending = new Spending();
  const judge = new Judge(header.seed);
  const done = new DoneWork(options.done, cells);
  const gradientFile = openGradientFile();
  try {
    for (let round = 0; round < profile.processes && !signal.aborted; round++) {
      for (const backend of header.backends) {
        const { threads, seed } = header;
        const session = new BackendSession({
          ...{ backend, threads, seed, spending, gradientFile },
          cellTimeoutMs: profile.cellTimeoutMs,
          unavailable: unavailability(options.provisioned.get(backend)),
        });
        const work = cells
          .filter((cell) => cell.backend === backend)
          .map((cell) => ({ cell, need: done.need(cell, round) }))
          .filter(({ need }) => need);
        await runBackend({ ...options, session, work, round, judge, spending, gradientFile });
        if (session.record) append({ type: "backend", ...session.record });
        if (signal.aborted) break;
      }
    }
  } finally {
    closeSync(gradientFile);
    append({ type: "spent", wallNs: spending.total() });
  }
}

const unavailability = (availability: Availability | undefined) =>
  availability?.available === false ? availability : undefined;

interface BackendWork extends MatrixOptions {
  readonly session: BackendSession;
  readonly work: readonly {
    readonly cell: PlannedCell;
    readonly need: "measurement" | "gradient" | undefined;
  }[];
  readonly round: number;
  readonly judge: Judge;
  readonly spending: Spending;
  readonly gradientFile: number;
}

async function runBackend(options: BackendWork): Promise<void> {
  const { session, work, round, judge, spending, gradientFile, header, signal, append, observer } = options;
  const stop = () => session.end();
  signal.addEventListener("abort", stop);
  try {
    for (const { cell, need } of work) {
      if (signal.aborted) return;
      observer.begin(cell);
      const reason = leftOut(cell, PROFILES[header.profile]);
      if (reason) {
        const measurement = { ...baseOf(cell, round), status: "unsupported", reason } as const;
        append(measurement);
        observer.finish(cell, measurement);
        continue;
      }
      const outcome = await session.measure({
        type: "measure",
        method: cell.method,
        dtype: cell.dtype,
        workload: cell.workload.id,
        profile: header.profile,
        timed: need === "measurement",
      });
      if (signal.aborted) return;
      const begun = performance.now();
      const { measurement, verdict } = settle(cell, round, outcome, judge, gradientFile);
      if (need === "measurement") {
        append(measurement);
        observer.finish(cell, measurement);
      }
      if (round === 0)
        for (const distance of verdict?.distances ?? []) append({ type: "distance", ...distance });
      spending.since(begun, "verify");
    }
  } finally {
    signal.removeEventListener("abort", stop);
    session.kill();
  }
}

const baseOf = ({ backend, method, dtype, workload }: PlannedCell, round: number) =>
  ({ type: "cell", round, backend, method, dtype, workload: workload.id }) as const;

/** Turns what the worker answered – or did not – into what the journal keeps. */
function settle(
  cell: PlannedCell,
  round: number,
  outcome: SessionOutcome,
  judge: Judge,
  gradientFile: number,
): { measurement: Measurement; verdict?: Verdict } {
  const { backend } = cell;
  const base = baseOf(cell, round);
  if (outcome.kind === "unavailable") {
    const reason = `${backend} is unavailable: ${outcome.reason}`;
    return { measurement: { ...base, status: "unsupported", reason } };
  }
  if (outcome.kind !== "answered") {
    return { measurement: { ...base, status: outcome.kind, reason: outcome.reason } };
  }
  const { reply } = outcome;
  if (reply.type === "measured") {
    try {
      const verdict = judge.assess(cell, reply.loss, gradientFile);
      return { verdict, measurement: { ...base, status: "ok", ...kept(reply), ...judged(verdict) } };
    } catch (error) {
      return { measurement: { ...base, status: "failed", reason: messageOf(error) } };
    }
  }
  if (reply.type === "unsupported") {
    return { measurement: { ...base, status: "unsupported", reason: reply.reason } };
  }
  const reason = reply.type === "failed" ? reply.reason : `the worker answered ${reply.type}`;
  return { measurement: { ...base, status: "failed", reason } };
}

const kept = ({ note, readback, samples, loss }: Measured) => ({
  readback,
  loss,
  ...(note ? { note } : {}),
  ...(samples ? { samples } : {}),
});

const judged = ({ accuracy, gradientDigest }: Verdict) => ({ accuracy, gradientDigest });
