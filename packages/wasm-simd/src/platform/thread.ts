/**
 * The parts of the kernel that differ between Node and browsers: `node.ts` and `browser.ts`, chosen by the package's
 * `imports`.
 */

/** The data that a thread of the kernel is started with. */
export interface ThreadData {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** Number of the thread, from 1; the calling thread is 0. */
  readonly thread: number;
}

/** A thread of the kernel. It does not keep the process alive. */
export interface Thread {
  /** Resolves when it serves. Rejects if it fails to start. */
  readonly ready: Promise<void>;
  /** Returns whether it still runs, if that can be told without waiting for an event. */
  isAlive(): boolean;
  /** Calls back when it has ended. */
  onEnd(callback: (error?: unknown) => void): void;
  terminate(): Promise<void>;
}
