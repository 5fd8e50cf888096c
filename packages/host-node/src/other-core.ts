import { workerData } from "node:worker_threads";
import { probeThroughput } from "@softmax-bench/measure/shared-core";
import { ASKED, FINISHED, type Shared } from "./other-cores.js";

/** The program of a thread that runs the probe on another core than the main thread's, whenever it is asked. */

const { counts, times, index } = workerData as Shared;
const now = () => Number(process.hrtime.bigint());

for (let answered = 0; ; answered++) {
  // Each request is answered, also one that was made before the thread had started.
  while (Atomics.load(counts, ASKED) <= answered) Atomics.wait(counts, ASKED, answered);
  times[index] = probeThroughput(now);
  Atomics.add(counts, FINISHED, 1);
  Atomics.notify(counts, FINISHED);
}
