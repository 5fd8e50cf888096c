import { execFileSync } from "node:child_process";
import { readlinkSync } from "node:fs";
import { workerData } from "node:worker_threads";
import { CoreLatency, probeThroughput } from "@softmax-bench/measure/cores";
import type { ThreadData } from "./other-cores.js";

/** The program of a thread that runs the probe on another core than the main thread's, whenever it is asked. */

const { asked, finished, times, bound, exchanges, memory, index, core } = workerData as ThreadData;
const now = () => Number(process.hrtime.bigint());

/** Binds this thread to a core. Node cannot; the command taskset of util-linux can. Returns whether it did. */
function bindTo(core: number): boolean {
  try {
    const thread = readlinkSync("/proc/thread-self").split("/").at(-1) ?? "";
    execFileSync("taskset", ["-p", (1n << BigInt(core)).toString(16), thread], {
      stdio: "ignore",
      timeout: 1000,
    });
    return true;
  } catch {
    return false;
  }
}

if (core !== undefined && bindTo(core)) Atomics.store(bound, index, 1);

const latency = new CoreLatency(memory);
for (let answered = 0; ; ) {
  // A request that was made before the thread had started is answered, too.
  Atomics.wait(asked, index, answered);
  answered = Atomics.load(asked, index);
  times[index] = probeThroughput(now);
  Atomics.store(finished, index, answered);
  Atomics.notify(finished, index);
  if (Atomics.load(exchanges, index) === 1) latency.answer(index, answered);
}
