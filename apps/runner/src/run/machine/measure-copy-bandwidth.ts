import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Environment } from "@softmax-bench/core";

/** Limits on each buffer's size over all threads together, in bytes. */
const [SMALLEST, LARGEST] = [64 * 2 ** 20, 256 * 2 ** 20];
const ROUNDS = 8;

/** The task of a copying thread. */
export interface CopyTask {
  readonly bytes: number;
  /** Int32: the number of rounds that may have begun. */
  readonly released: SharedArrayBuffer;
  readonly rounds: number;
}

/**
 * Memory bandwidth as STREAM's Copy measures it (McCalpin 1995): the best of several copies between buffers that no
 * cache holds, with bytes read and written both counted, with one thread and with as many as backends get.
 *
 * @param cacheBytes size of the largest cache, if known
 * @throws Error if there is no memory for the buffers
 */
export async function measureCopyBandwidth(
  threads: number,
  cacheBytes = 0,
): Promise<NonNullable<Environment["copyBandwidth"]>> {
  const bytes = Math.min(LARGEST, Math.max(SMALLEST, 2 * cacheBytes));
  const measured: { threads: number; bytesPerSecond: number }[] = [];
  for (const count of new Set([1, threads])) {
    const perThread = 8 * Math.floor(bytes / count / 8);
    measured.push({ threads: count, bytesPerSecond: await measureBest(count, perThread) });
  }
  return measured;
}

/** Copies in all threads at once, once per round. */
async function measureBest(threads: number, bytes: number): Promise<number> {
  const released = new SharedArrayBuffer(4);
  const workerData: CopyTask = { bytes, released, rounds: ROUNDS };
  const workers = Array.from(
    { length: threads },
    () => new Worker(new URL("./copy-worker.js", import.meta.url), { workerData }),
  );
  const exits = Promise.all(workers.map((worker) => once(worker, "exit")));
  // A thread's first message reports that it is ready, each further one the time of its copy.
  const messages = () => Promise.all(workers.map((worker) => once(worker, "message")));
  let heard = messages();
  let shortest = Number.POSITIVE_INFINITY;
  try {
    await heard;
    for (let round = 1; round <= ROUNDS; round++) {
      heard = messages();
      Atomics.store(new Int32Array(released), 0, round);
      Atomics.notify(new Int32Array(released), 0);
      shortest = Math.min(shortest, Math.max(...(await heard).map(([ns]) => Number(ns))));
    }
    await exits;
  } finally {
    for (const worker of workers) void worker.terminate();
    await Promise.allSettled([exits, heard]);
  }
  return (2e9 * bytes * threads) / shortest;
}
