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
import type { FromMeasuring, ToMeasuring } from "./messages.js";

/** A measuring worker that has been started. */
interface Started {
  readonly port: MessagePort;
  /** Ends it at once. */
  end(): void;
}

/** Starts a measuring worker. @param lose receives the reason why it cannot go on */
export type StartWorker = (lose: (reason: string) => void) => Started;

/** Workers of the page. Each is as fresh as a process: its own heap, its own runtimes, its own compiled code. */
export class WorkerHost implements Host {
  readonly id: string;
  readonly #startWorker: StartWorker;
  #held: { readonly id: string; readonly arrays: readonly Values[] } | undefined;

  constructor(id: string, startWorker: StartWorker) {
    this.id = id;
    this.#startWorker = startWorker;
  }

  connect(): Connection {
    return new WorkerConnection(this.#startWorker, (from, bytes) =>
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
  readonly #worker: Started;
  readonly #conversation = new Conversation({
    name: "worker",
    kill: () => this.#worker.end(),
    said: () => "",
  });
  #results: Uint8Array | undefined;

  constructor(startWorker: StartWorker, readInputs: (from: number, bytes: number) => Uint8Array | undefined) {
    const lose = (reason: string) =>
      this.#conversation.lose("exited", `the worker failed: ${shorten(reason, 600)}`);
    this.#worker = startWorker(lose);
    const { port } = this.#worker;
    port.addEventListener("message", ({ data }: MessageEvent<FromMeasuring>) => {
      if (data.type === "reply") this.#conversation.hear(data.reply);
      else if (data.type === "read") this.#post({ type: "inputs", bytes: readInputs(data.from, data.bytes) });
      else if (data.type === "results") this.#results = concat(data.parts);
      else lose(data.reason);
    });
    port.start();
  }

  request(message: Request, timeoutMs: number): Promise<Outcome> {
    this.#results = undefined;
    return this.#conversation.request(
      message,
      (request) => this.#post({ type: "request", request }),
      timeoutMs,
    );
  }

  readResults(into: readonly Values[]): void {
    fillWithResults(into, this.#results);
  }

  kill(): void {
    this.#conversation.lose("ended by force", "the worker was ended");
  }

  #post(message: ToMeasuring): void {
    this.#worker.port.postMessage(message);
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
