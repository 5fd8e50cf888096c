import { parentPort, workerData } from "node:worker_threads";
import { instantiate } from "./module.js";
import { serve } from "./states.js";
import type { WorkerData } from "./team.js";

/** A thread of the kernel: it says that it is there, and serves until it is stopped. */
const { module, memory, thread } = workerData as WorkerData;
const kernel = instantiate(module, memory);
parentPort?.postMessage("ready");
serve(kernel, memory, thread);
