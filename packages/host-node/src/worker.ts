import { Socket } from "node:net";
import type { Backend } from "@softmax-bench/core";
import { MeasuringWorker, NoRoomError, type Request, type WorkerArrays } from "@softmax-bench/measure";
import { isFull, readArrays, sizeOf, writeArrays } from "./array-files.js";
import { onLine, sendLine, WORKER_CHANNEL } from "./channel.js";
import type { BackendsModule } from "./node-connection.js";
import { nodePlatform } from "./node-platform.js";
import { remedyForThrown } from "./start-failure.js";

/**
 * The program of a worker process: `node worker.js <module>`, where the module exports `loadBackend`. One backend, one request
 * at a time. It ends with the parent that started it.
 */

/** The descriptors under which it inherits the files of arrays. */
const WORKER_FILES = { inputs: 4, results: 5 } as const;

const arrays: WorkerArrays = {
  readInputs: (set, into) => readArrays(WORKER_FILES.inputs, into, set * sizeOf(into)),
  writeResults(results) {
    try {
      writeArrays(WORKER_FILES.results, results);
    } catch (error) {
      throw isFull(error) ? new NoRoomError(error.message) : error;
    }
  },
};

async function loadBackend(id: string): Promise<Backend | undefined> {
  const module: BackendsModule = await import(process.argv[2] as string);
  return module.loadBackend(id);
}

const worker = new MeasuringWorker({
  loadBackend,
  platform: nodePlatform,
  arrays,
  remedyFor: remedyForThrown,
});
const channel = new Socket({ fd: WORKER_CHANNEL, readable: true, writable: true });
onLine(channel, (line) => {
  void worker.respond(JSON.parse(line) as Request).then((reply) => sendLine(channel, reply));
});
channel.on("close", () => process.exit());
