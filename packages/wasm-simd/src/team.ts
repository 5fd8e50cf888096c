import { once } from "node:events";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import type { KernelExports } from "./module.js";

export interface WorkerData {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** From 1 on; the calling thread is 0. */
  readonly thread: number;
  /** Closed when the thread ends, however it ends. */
  readonly lifeline: MessagePort;
}

/** A worker, and the other end of its lifeline. */
interface Member {
  readonly worker: Worker;
  readonly lifeline: MessagePort;
}

/** How long the calling thread sleeps before it makes sure that all workers live. */
const CHECK_EVERY_MS = 50;

/**
 * The workers of a kernel, threads 1 to `threads` − 1. They do not keep the process alive.
 *
 * A worker may end at any time: terminated, out of memory, by an error. Node reports that by an event, which does not reach a
 * thread that waits for this worker. So a thread that waits looks at the workers' lifelines from time to time.
 */
export class Team {
  readonly #memory: WebAssembly.Memory;
  readonly #members: readonly Member[];
  #failure: Error | undefined;
  #stopped = false;

  private constructor(memory: WebAssembly.Memory, members: readonly Member[]) {
    this.#memory = memory;
    this.#members = members;
    for (const { worker } of members) {
      worker.once("error", (error) => this.#fail(error));
      worker.once("exit", () => this.#fail());
      worker.unref();
    }
  }

  /** @throws Error if a worker does not start */
  static async start(module: WebAssembly.Module, memory: WebAssembly.Memory, threads: number): Promise<Team> {
    const members: Member[] = [];
    try {
      for (let thread = 1; thread < threads; thread++) members.push(startMember(module, memory, thread));
      await Promise.all(members.map(({ worker }) => ready(worker)));
    } catch (error) {
      await Promise.all(members.map(({ worker }) => worker.terminate()));
      throw error;
    }
    return new Team(memory, members);
  }

  /** Threads that compute, the calling one included. */
  get threads(): number {
    return this.#members.length + 1;
  }

  /** @throws Error if a worker is known to have ended */
  assertComplete(): void {
    if (this.#failure) throw this.#failure;
  }

  /**
   * Sleeps until the word at `address` is notified, for a while at most, if `isNeeded` still returns true once the word was read.
   *
   * @throws Error if a worker has ended
   */
  sleepWhile(address: number, isNeeded: () => boolean): void {
    const words = new Int32Array(this.#memory.buffer);
    const word = Atomics.load(words, address / 4);
    if (!isNeeded()) return;
    if (Atomics.wait(words, address / 4, word, CHECK_EVERY_MS) !== "timed-out") return;
    if (!this.#members.every(isAlive)) this.#fail();
    this.assertComplete();
  }

  /** Ends the workers. */
  async stop(kernel: KernelExports): Promise<void> {
    this.#stopped = true;
    kernel.stop(this.threads);
    await Promise.all(this.#members.map(({ worker }) => worker.terminate()));
  }

  #fail(cause?: unknown): void {
    if (this.#stopped || (this.#failure && !cause)) return;
    const reason = cause instanceof Error ? ` (${cause.message})` : "";
    this.#failure = new Error(
      `a thread of the kernel ended${reason}, and what it was computing is lost; dispose of this kernel and start another one`,
      { cause },
    );
  }
}

function startMember(module: WebAssembly.Module, memory: WebAssembly.Memory, thread: number): Member {
  const { port1, port2 } = new MessageChannel();
  const workerData: WorkerData = { module, memory, thread, lifeline: port2 };
  const worker = new Worker(new URL("./worker.js", import.meta.url), {
    workerData,
    transferList: [port2],
    // Options of the process, like --input-type, may not suit a thread.
    execArgv: [],
  });
  return { worker, lifeline: port1 };
}

/** Posting to a port returns false in Node once the other end is closed, without waiting for an event. */
function isAlive({ lifeline }: Member): boolean {
  const post = lifeline.postMessage.bind(lifeline) as (message: unknown) => unknown;
  return post(null) !== false;
}

/** Resolves when a worker serves. @throws Error if it does not get there */
async function ready(worker: Worker): Promise<void> {
  const ended = new AbortController();
  worker.once("exit", () => ended.abort(new Error("a thread of the kernel ended before it was ready")));
  try {
    await once(worker, "message", { signal: ended.signal });
  } catch (error) {
    throw ended.signal.aborted ? ended.signal.reason : error;
  }
}
