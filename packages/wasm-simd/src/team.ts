import { once } from "node:events";
import { Worker } from "node:worker_threads";

export interface WorkerData {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** From 1 on; the thread that asks is 0. */
  readonly thread: number;
}

/** Starts the threads 1 to `threads` − 1. They do not keep the process alive. @throws Error if one does not start. */
export async function startTeam(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  threads: number,
): Promise<Worker[]> {
  const workers = Array.from({ length: threads - 1 }, (_, index) => {
    const workerData: WorkerData = { module, memory, thread: index + 1 };
    return new Worker(new URL("./worker.js", import.meta.url), { workerData });
  });
  try {
    await Promise.all(workers.map((worker) => once(worker, "message")));
  } catch (error) {
    await Promise.all(workers.map((worker) => worker.terminate()));
    throw error;
  }
  for (const worker of workers) worker.unref();
  return workers;
}
