import { shorten } from "@softmax-bench/core";
import {
  type Connection,
  Conversation,
  copyBytes,
  fillWithResults,
  type Host,
  type NamedArrays,
  type Outcome,
  type Request,
  type Values,
} from "@softmax-bench/measure";
import type { FromMeasuring, MeasuringRole, ToMeasuring } from "./messages.js";

/** Workers of this worker. Each is as fresh as a process: its own heap, its own runtimes, its own compiled code. */
export class WorkerHost implements Host {
  readonly id: string;
  readonly #base: string;
  #held: { readonly id: string; readonly arrays: readonly Values[] } | undefined;

  /** @param base the address of the page */
  constructor(id: string, base: string) {
    this.id = id;
    this.#base = base;
  }

  connect(): Connection {
    return new WorkerConnection(this.#base, (from, bytes) =>
      copyBytes(this.#held?.arrays ?? [], from, bytes),
    );
  }

  holdInputs({ id, make }: NamedArrays): void {
    if (this.#held?.id !== id) this.#held = { id, arrays: make() };
  }

  /** Arrays are in memory: there is no other place for them. */
  makeRoom(): boolean {
    return false;
  }
}

class WorkerConnection implements Connection {
  readonly isCurrent = true;
  readonly #worker = new Worker(location.href, { type: "module" });
  readonly #conversation = new Conversation({
    name: "worker",
    kill: () => this.#worker.terminate(),
    said: () => "",
  });
  /** A request that was sent before the worker listened. */
  #waiting: string | undefined;
  #isReady = false;
  #results: Uint8Array | undefined;

  constructor(base: string, readInputs: (from: number, bytes: number) => Uint8Array | undefined) {
    const fail = (reason: string) =>
      this.#conversation.lose("exited", `the worker failed: ${shorten(reason, 600)}`);
    this.#worker.addEventListener("message", ({ data }: MessageEvent<FromMeasuring>) => {
      switch (data.type) {
        case "ready":
          this.#isReady = true;
          if (this.#waiting !== undefined) this.#post({ type: "request", request: this.#waiting });
          return;
        case "reply":
          return this.#conversation.hear(data.reply);
        case "read":
          return this.#post({ type: "inputs", bytes: readInputs(data.from, data.bytes) });
        case "results":
          this.#results = concat(data.parts);
          return;
        case "failed":
          return fail(data.reason);
      }
    });
    this.#worker.addEventListener("error", ({ message }) => fail(message || "it does not load"));
    const openedAt = performance.timeOrigin + performance.now();
    this.#worker.postMessage({ role: "measuring", base, openedAt } satisfies MeasuringRole);
  }

  request(message: Request, timeoutMs: number): Promise<Outcome> {
    this.#results = undefined;
    const request = JSON.stringify(message);
    return this.#conversation.request(() => {
      if (this.#isReady) this.#post({ type: "request", request });
      else this.#waiting = request;
    }, timeoutMs);
  }

  readResults(into: readonly Values[]): void {
    fillWithResults(into, this.#results);
  }

  kill(): void {
    this.#conversation.lose("ended by force", "the worker was ended");
  }

  #post(message: ToMeasuring): void {
    this.#worker.postMessage(message);
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let start = 0;
  for (const part of parts) {
    all.set(part, start);
    start += part.length;
  }
  return all;
}
