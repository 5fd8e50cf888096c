import { type Backend, type BackendRecord, messageOf, type Place } from "@softmax-bench/core";
import type { Connection, Host, NamedArrays, Outcome, Values, WorkRequest } from "@softmax-bench/measure";
import { referenceMark } from "../plan/references.js";
import type { Problem, Remedies } from "./host-table.js";
import { openBackend } from "./open-backend.js";
import type { PhaseTimer } from "./phase-timer.js";

const OPEN_TIMEOUT_MS = 60_000;
/** A worker that fails to start this often in a row is not started again. */
const START_ATTEMPTS = 2;
/** The longest that starting a worker takes, in milliseconds, whether it succeeds or not. */
export const START_MS = START_ATTEMPTS * OPEN_TIMEOUT_MS;

export interface SessionOptions {
  readonly place: Place;
  readonly threads: number;
  /** The time after which a request is abandoned, in milliseconds. */
  readonly timeoutMs: number;
  readonly phaseTimer: PhaseTimer;
  /** The backend; undefined for an unknown id. */
  readonly adapter: Backend | undefined;
  readonly remedies: Remedies;
  /** Starts the workers. */
  readonly host: Host;
  /** Receives the backend's record when it has been started, or failed to start. */
  readonly onRecord?: (record: BackendRecord) => void;
  /** Variables that its workers start with, besides those of the backend. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** Set if the backend is known not to start. */
  readonly unavailable?: Problem | undefined;
}

export type SessionOutcome = Outcome | { readonly kind: "unavailable"; readonly reason: string };

/** One backend in one process, or in several successive ones if workers die. */
export class BackendSession {
  readonly #options: SessionOptions;
  #worker: Connection | undefined;
  /** A worker that starts. */
  #starting: Promise<void> | undefined;
  #record: BackendRecord | undefined;
  #attempts = START_ATTEMPTS;
  #ended = false;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** The backend, and where it runs. */
  get place(): Place {
    return this.#options.place;
  }

  /** The backend's record so far; undefined before the first request. */
  get record(): BackendRecord | undefined {
    return this.#record;
  }

  /**
   * Starts a worker, if there is none that sees the inputs.
   * @returns whether there is one now
   * @throws NoRoomError if there is no room for the inputs
   */
  async start(inputs?: NamedArrays): Promise<boolean> {
    const canStart = this.#worker !== undefined || this.#attempts > 0;
    if (inputs && canStart) this.#options.host.holdInputs(inputs);
    const begun = performance.now();
    await this.#starting;
    if (this.#worker?.isCurrent === false) this.kill();
    while (!this.#worker && this.#attempts > 0) await this.#start();
    this.#options.phaseTimer.record(begun, "start");
    return this.#worker !== undefined;
  }

  /** Starts a worker while others work; a request waits for it. */
  startAhead(): void {
    this.#starting ??= this.#start();
    // A request reports why it failed.
    this.#starting.catch(() => {});
  }

  /**
   * Runs a task. Starts the worker on first use, and again if there is no room for the results.
   * @throws NoRoomError if there is no room for the inputs
   */
  async run(request: WorkRequest, inputs?: NamedArrays): Promise<SessionOutcome> {
    const outcome = await this.#run(request, inputs);
    if (outcome.kind !== "answered" || outcome.reply.type !== "no-room") return outcome;
    try {
      if (this.#options.host.makeRoom()) return await this.run(request, inputs);
    } catch (error) {
      return failed(messageOf(error));
    }
    return failed(outcome.reply.reason);
  }

  /** Fills arrays with the results of the last task. @throws Error if the worker left other ones */
  readResults(into: readonly Values[]): void {
    if (!this.#worker) throw new Error("there is no worker that could have left results");
    this.#worker.readResults(into);
  }

  async #run(request: WorkRequest, inputs: NamedArrays | undefined): Promise<SessionOutcome> {
    if (!(await this.start(inputs)) || !this.#worker) {
      return { kind: "unavailable", reason: this.#record?.reason ?? "the worker does not start" };
    }
    const begun = performance.now();
    const outcome = await this.#worker.request(request, this.#options.timeoutMs);
    this.#account(outcome, (performance.now() - begun) * 1e6);
    if (outcome.kind !== "answered") this.kill();
    return outcome;
  }

  kill(): void {
    this.#worker?.kill();
    this.#worker = undefined;
  }

  /** Ends the session; no worker is started afterwards. */
  end(): void {
    this.#ended = true;
    this.#attempts = 0;
    this.kill();
  }

  async #start(): Promise<void> {
    const { phaseTimer: _, unavailable, timeoutMs: __, onRecord, ...options } = this.#options;
    if (unavailable) {
      this.#attempts = 0;
      const { reason, remedy } = unavailable;
      const { backend, host } = options.place;
      this.#record = { id: backend, host, ...referenceMark(backend), status: "unavailable", reason, remedy };
      onRecord?.(this.#record);
      return;
    }
    const opening = await openBackend({
      ...options,
      timeoutMs: OPEN_TIMEOUT_MS,
      onStart: (worker) => {
        this.#worker = worker;
        if (this.#ended) worker.kill();
      },
    });
    if (this.#record?.status !== "available") {
      this.#record = opening.record;
      if (!this.#ended) onRecord?.(opening.record);
    }
    this.#worker = opening.worker;
    if (opening.worker) this.#attempts = START_ATTEMPTS;
    else this.#attempts = opening.permanent || this.#ended ? 0 : Math.max(0, this.#attempts - 1);
  }

  #account(outcome: Outcome, elapsedNs: number): void {
    const { phaseTimer } = this.#options;
    if (outcome.kind !== "answered" || !("spent" in outcome.reply)) {
      phaseTimer.add("prepare", elapsedNs);
      return;
    }
    const { spent, peakRssBytes } = outcome.reply;
    phaseTimer.add("measure", spent.measure);
    phaseTimer.add("settle", spent.settle);
    phaseTimer.add("prepare", spent.prepare);
    phaseTimer.add("verify", Math.max(0, elapsedNs - spent.measure - spent.settle - spent.prepare));
    if (this.#record && peakRssBytes !== undefined) {
      this.#record = {
        ...this.#record,
        peakRssBytes: Math.max(this.#record.peakRssBytes ?? 0, peakRssBytes),
      };
    }
  }
}

const failed = (why: string): SessionOutcome => ({
  kind: "answered",
  reply: { type: "failed", reason: `no room for the results: ${why}; make some, or choose less` },
});

/** Ends a session with its work, or at once if the signal aborts. */
export async function withAbort<T>(
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
