/** The parts of the kernel's work that Node and browsers do differently: `node.ts` and `browser.ts`, chosen by the package's `imports`. */

/** What a thread of the kernel is started with. */
export interface ThreadData {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** From 1 on; the calling thread is 0. */
  readonly thread: number;
}

/** A thread of the kernel. It does not keep the process alive. */
export interface Thread {
  /** Resolves when it serves. Rejects if it does not get there. */
  readonly ready: Promise<void>;
  /** Whether it still runs, as far as can be told without waiting for an event. */
  isAlive(): boolean;
  /** Calls back when it has ended. */
  onEnd(callback: (error?: unknown) => void): void;
  terminate(): Promise<void>;
}
