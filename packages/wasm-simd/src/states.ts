import type { KernelExports } from "./module.js";

/** What threads sleep on, as in `assembly/threads.ts`. */
const IDLE = 0;
const RUNNING = 2;

const sleepWhile = (
  kernel: KernelExports,
  { buffer }: WebAssembly.Memory,
  thread: number,
  state: number,
): void => {
  Atomics.wait(new Int32Array(buffer), kernel.stateOf(thread) / 4, state);
};

/** Serves as a thread until it is stopped. */
export function serve(kernel: KernelExports, memory: WebAssembly.Memory, thread: number): void {
  while (!kernel.serve(thread)) sleepWhile(kernel, memory, thread, IDLE);
}

/** Returns when none of the other threads is at work. */
export function awaitIdle(kernel: KernelExports, memory: WebAssembly.Memory, threads: number): void {
  for (let thread = 1; thread < threads; thread++) {
    while (kernel.isRunning(thread)) sleepWhile(kernel, memory, thread, RUNNING);
  }
}
