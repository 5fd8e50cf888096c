import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { instantiate } from "./module.js";
import type { WorkerData } from "./team.js";

/** As in `assembly/threads.ts`. */
const IDLE = 0;

/** A thread of the kernel: it reports that it is ready, and serves until it is stopped. */
const { module, memory, thread, lifeline } = workerData as WorkerData;
const kernel = instantiate(module, memory);
parentPort?.postMessage("ready");
while (!kernel.serve(thread)) {
  // The team's checks that this thread lives, which would pile up.
  while (receiveMessageOnPort(lifeline));
  Atomics.wait(new Int32Array(memory.buffer), kernel.stateWord(thread) / 4, IDLE);
}
