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
    // Options of the process, like --input-type, may not suit a thread.
    return new Worker(new URL("./worker.js", import.meta.url), { workerData, execArgv: [] });
  });
  try {
    await Promise.all(workers.map(ready));
  } catch (error) {
    await Promise.all(workers.map((worker) => worker.terminate()));
    throw error;
  }
  for (const worker of workers) worker.unref();
  return workers;
}

/** Resolves when a thread serves. @throws Error if it does not get there */
async function ready(worker: Worker): Promise<void> {
  const ended = new AbortController();
  worker.once("exit", () => ended.abort(new Error("a thread of the kernel ended before it was ready")));
  try {
    await once(worker, "message", { signal: ended.signal });
  } catch (error) {
    throw ended.signal.aborted ? ended.signal.reason : error;
  }
}
