/** The parts of the kernel that differ between hosts: `node.ts` for Node, Bun and Deno, `browser.ts` for pages and web workers. */
export interface Platform {
  /** Decompresses what was compressed by raw deflate. */
  inflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
  startThread(data: ThreadData): Thread;
  /** An array's memory. */
  bytesOf(array: ArrayBufferView): Uint8Array;
  /** Copies bytes to `at`. */
  copy(from: Uint8Array, to: Uint8Array, at?: number): void;
}

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

/**
 * A function for the program of a thread: it does the thread's share of every job until the kernel is stopped. `beforeSleep` is called
 * each time it has nothing to do. It is text, because bundlers leave behind a program in a file of its own. The 0 is IDLE of
 * `assembly/threads.ts`.
 */
export const SERVE = `function serve({ module, memory, thread }, beforeSleep, ready) {
  const { exports: kernel } = new WebAssembly.Instance(module, { env: { memory } });
  ready();
  while (!kernel.serve(thread)) {
    beforeSleep();
    Atomics.wait(new Int32Array(memory.buffer), kernel.stateWord(thread) / 4, 0);
  }
}
`;
