import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { instantiate } from "../module.js";
import { serveUntilStopped } from "../serve.js";
import type { WorkerData } from "./node.js";

/** A thread of the kernel in Node. */
const { module, memory, thread, lifeline } = workerData as WorkerData;
const kernel = instantiate(module, memory);
parentPort?.postMessage("ready");
serveUntilStopped(kernel, memory, thread, () => {
  // The team's checks that this thread lives, which would pile up.
  while (receiveMessageOnPort(lifeline));
});
