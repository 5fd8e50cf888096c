import type { KernelExports } from "./module.js";
import { platform } from "./platform/index.js";
import type { Thread } from "./platform/platform.js";

/** Time that the calling thread sleeps between checks that all workers are alive, in milliseconds. */
const CHECK_EVERY_MS = 50;

/** False on the main thread of a page. */
function maySleep(): boolean {
  try {
    // Returns at once, since the word is not 1.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1);
    return true;
  } catch {
    return false;
  }
}
const MAY_SLEEP = maySleep();

/**
 * The other threads of a kernel, 1 to `threads` − 1. They do not keep the process alive.
 *
 * A worker may end at any time: terminated, out of memory, by an error. Node reports that by an event, which does not
 * reach a thread that waits for this worker. So a waiting thread checks from time to time whether the workers are
 * alive.
 */
export class Team {
  readonly #memory: WebAssembly.Memory;
  readonly #others: readonly Thread[];
  #failure: Error | undefined;
  #stopped = false;

  private constructor(memory: WebAssembly.Memory, others: readonly Thread[]) {
    this.#memory = memory;
    this.#others = others;
    for (const other of others) other.onEnd((error) => this.#fail(error));
  }

  /** @throws Error if a worker does not start */
  static async start(module: WebAssembly.Module, memory: WebAssembly.Memory, threads: number): Promise<Team> {
    const others: Thread[] = [];
    try {
      for (let thread = 1; thread < threads; thread++)
        others.push(platform.startThread({ module, memory, thread }));
      await Promise.all(others.map(({ ready }) => ready));
    } catch (error) {
      await Promise.all(others.map((other) => other.terminate()));
      throw error;
    }
    return new Team(memory, others);
  }

  /** Threads that compute, the calling one included. */
  get threads(): number {
    return this.#others.length + 1;
  }

  /** @throws Error if a worker is known to have ended */
  assertComplete(): void {
    if (this.#failure) throw this.#failure;
  }

  /**
   * Sleeps until the word at `address` is notified, for a limited time, if `isNeeded` still returns true after the word
   * is read. Returns at once where this thread may not sleep.
   *
   * @throws Error if a worker has ended
   */
  sleepWhile(address: number, isNeeded: () => boolean): void {
    if (!MAY_SLEEP) return;
    const words = new Int32Array(this.#memory.buffer);
    const word = Atomics.load(words, address / 4);
    if (!isNeeded()) return;
    if (Atomics.wait(words, address / 4, word, CHECK_EVERY_MS) !== "timed-out") return;
    if (!this.#others.every((other) => other.isAlive())) this.#fail();
    this.assertComplete();
  }

  /** Ends the workers. */
  async stop(kernel: KernelExports): Promise<void> {
    this.#stopped = true;
    kernel.stop(this.threads);
    await Promise.all(this.#others.map((other) => other.terminate()));
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
