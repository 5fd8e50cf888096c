import type { KernelExports } from "./module.js";

/** As in `assembly/threads.ts`. */
const IDLE = 0;

/**
 * Does a thread's share of every job until the kernel is stopped.
 * @param beforeSleep called each time it has nothing to do
 */
export function serveUntilStopped(
  kernel: KernelExports,
  memory: WebAssembly.Memory,
  thread: number,
  beforeSleep = () => {},
): void {
  while (!kernel.serve(thread)) {
    beforeSleep();
    Atomics.wait(new Int32Array(memory.buffer), kernel.stateWord(thread) / 4, IDLE);
  }
}
