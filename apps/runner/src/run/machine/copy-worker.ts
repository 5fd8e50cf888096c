import { parentPort, workerData } from "node:worker_threads";
import type { CopyTask } from "./measure-copy-bandwidth.js";

/** A thread that copies on each signal to all threads, and reports the time in nanoseconds. */

const { bytes, released, rounds } = workerData as CopyTask;
// Written to immediately, so that the pages exist.
const [from, to] = [new Float64Array(bytes / 8).fill(1), new Float64Array(bytes / 8).fill(2)];

parentPort?.postMessage(0);
for (let round = 0; round < rounds; round++) {
  Atomics.wait(new Int32Array(released), 0, round);
  const begun = process.hrtime.bigint();
  to.set(from);
  parentPort?.postMessage(Number(process.hrtime.bigint() - begun));
}
