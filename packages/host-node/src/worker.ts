import { createHash } from "node:crypto";
import type { Backend } from "@softmax-bench/core";
import {
  MeasuringWorker,
  NoRoomError,
  type Request,
  type Values,
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
  digest: async (values) => digestOf(values.buffer instanceof SharedArrayBuffer ? values.slice() : values),
  readInputs: (set, into) => readArrays(files.inputs, into, set * totalBytes(into)),
  writeResults(results) {
    try {
      writeArrays(files.results, results);
    } catch (error) {
      throw isFull(error) ? new NoRoomError(error.message) : error;
    }
  },
};

/** The most bytes that are hashed in one call, which takes less than 2 GiB. */
const HASHED_BYTES = 2 ** 28;

/** The digest of an array. Web Crypto would copy it first. */
function digestOf({ buffer, byteOffset, byteLength }: Values): string {
  const hash = createHash("sha256");
  for (let start = 0; start < byteLength; start += HASHED_BYTES) {
    hash.update(new Uint8Array(buffer, byteOffset + start, Math.min(HASHED_BYTES, byteLength - start)));
  }
  return `sha256:${hash.digest("hex")}`;
}

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
