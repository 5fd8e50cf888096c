import type { BackendRecord } from "@softmax-bench/core";
import type { MeasureRequest, Opened } from "./protocol.js";
import type { Spending } from "./spending.js";
import { type Outcome, WorkerProcess } from "./worker-process.js";

const OPEN_TIMEOUT_MS = 60_000;
/** A worker that fails to start this often in a row is not started again. */
const START_ATTEMPTS = 2;

export interface SessionOptions {
  readonly backend: string;
  readonly threads: number;
  readonly seed: number;
  readonly cellTimeoutMs: number;
  readonly spending: Spending;
  /** Descriptor of the file that workers write gradients to. */
  readonly gradientFile: number;
}

export type SessionOutcome = Outcome | { readonly kind: "unavailable"; readonly reason: string };

/** One backend in one process – or in several, one after the other, when workers die. */
export class BackendSession {
  readonly #options: SessionOptions;
  #worker: WorkerProcess | undefined;
  #record: BackendRecord | undefined;
  #attempts = START_ATTEMPTS;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** What is known of the backend so far; undefined before the first request. */
  get record(): BackendRecord | undefined {
    return this.#record;
  }

  /** Measures one cell, starting a worker first where there is none. */
  async measure(request: MeasureRequest): Promise<SessionOutcome> {
    while (!this.#worker) {
      if (this.#attempts === 0) {
        return { kind: "unavailable", reason: this.#record?.reason ?? "the worker does not start" };
      }
      await this.#start();
    }
    const begun = performance.now();
    const outcome = await this.#worker.request(request, this.#options.cellTimeoutMs);
    this.#account(outcome, (performance.now() - begun) * 1e6);
    if (outcome.kind !== "answered") this.kill();
    return outcome;
  }

  kill(): void {
    this.#worker?.kill();
    this.#worker = undefined;
  }

  /** Nothing is started after this. */
  end(): void {
    this.#attempts = 0;
    this.kill();
  }

  async #start(): Promise<void> {
    const { backend, threads, seed, spending, gradientFile } = this.#options;
    const begun = performance.now();
    const worker = new WorkerProcess(gradientFile);
    this.#worker = worker;
    const outcome = await worker.request({ type: "open", backend, threads, seed }, OPEN_TIMEOUT_MS);
    spending.since(begun, "start");
    if (outcome.kind === "answered" && outcome.reply.type === "opened") {
      this.#attempts = START_ATTEMPTS;
      this.#record ??= recordOf(backend, outcome.reply);
      return;
    }
    this.kill();
    const permanent = outcome.kind === "answered" && outcome.reply.type === "unavailable";
    this.#attempts = permanent ? 0 : Math.max(0, this.#attempts - 1);
    this.#record ??= { id: backend, status: "unavailable", ...whyUnavailable(outcome) };
  }

  #account(outcome: Outcome, elapsedNs: number): void {
    const { spending } = this.#options;
    if (outcome.kind !== "answered" || outcome.reply.type !== "measured") {
      spending.add("prepare", elapsedNs);
      return;
    }
    const { spent, peakRssBytes } = outcome.reply;
    spending.add("measure", spent.measure);
    spending.add("prepare", spent.prepare);
    spending.add("verify", Math.max(0, elapsedNs - spent.measure - spent.prepare));
    if (this.#record) {
      this.#record = {
        ...this.#record,
        peakRssBytes: Math.max(this.#record.peakRssBytes ?? 0, peakRssBytes),
      };
    }
  }
}

const recordOf = (id: string, { engine, device, threads, dtypes, coldStartNs }: Opened): BackendRecord => ({
  id,
  status: "available",
  engine,
  device,
  threads,
  dtypes,
  coldStartNs,
});

function whyUnavailable(outcome: Outcome): { reason: string; remedy?: string } {
  if (outcome.kind !== "answered") return { reason: outcome.reason };
  const { reply } = outcome;
  if (reply.type === "unavailable") return { reason: reply.reason, remedy: reply.remedy };
  return { reason: reply.type === "failed" ? reply.reason : `the worker answered ${reply.type} when opened` };
}
