import type { Backend } from "@softmax-bench/core";
import {
  MeasuringWorker,
  NoRoomError,
  type Request,
  sha256,
  type WorkerArrays,
} from "@softmax-bench/measure/worker";
import { isFull, openInherited, readArrays, totalBytes, writeArrays } from "./array-files.js";
import { onLine, openWorkerChannel, sendLine } from "./channel.js";
import { nodePlatform } from "./node-platform.js";
import type { BackendsModule } from "./process-connection.js";
import { remedyForThrown } from "./start-failure.js";

/**
 * The program of a worker process: `node worker.js <module>`, where the module exports `loadBackend`. One backend, one
 * request at a time. It ends with the parent that started it.
 */

/** The files of arrays that it inherits. */
const files = { inputs: openInherited(4), results: openInherited(5) };

const arrays: WorkerArrays = {
  // An array of a WebAssembly module with threads lies in shared memory, which is not hashed as it is.
  digest: (values) => sha256(values.buffer instanceof SharedArrayBuffer ? values.slice() : values),
  readInputs: (set, into) => readArrays(files.inputs, into, set * totalBytes(into)),
  writeResults(results) {
    try {
      writeArrays(files.results, results);
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
const channel = openWorkerChannel();
onLine(channel, (line) => {
  void worker.respond(JSON.parse(line) as Request).then((reply) => sendLine(channel, reply));
});
channel.on("close", () => process.exit());
