import type { KernelExports } from "./module.js";

/** What threads sleep on, as in `assembly/threads.ts`. */
const IDLE = 0;
const RUNNING = 2;

const sleepWhile = ({ buffer }: WebAssembly.Memory, at: number, word: number): void => {
  Atomics.wait(new Int32Array(buffer), at / 4, word);
};

/** Serves as a thread until it is stopped. */
export function serve(kernel: KernelExports, memory: WebAssembly.Memory, thread: number): void {
  while (!kernel.serve(thread)) sleepWhile(memory, kernel.stateOf(thread), IDLE);
}

/** Returns when none of the other threads is at work. */
export function awaitIdle(kernel: KernelExports, memory: WebAssembly.Memory, threads: number): void {
  for (let thread = 1; thread < threads; thread++) {
    while (kernel.isRunning(thread)) sleepWhile(memory, kernel.stateOf(thread), RUNNING);
  }
}

/** Returns when a chunk is done that some thread is at work on. */
export function awaitDone(kernel: KernelExports, memory: WebAssembly.Memory, chunk: number): void {
  const at = kernel.doneOf(chunk);
  while (!kernel.becomesDone(chunk)) {
    const word = Atomics.load(new Int32Array(memory.buffer), at / 4);
    if (word !== chunk + 1) sleepWhile(memory, at, word);
  }
}
