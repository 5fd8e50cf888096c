import type * as Buffers from "node:buffer";
import type * as Threads from "node:worker_threads";
import type * as Compression from "node:zlib";
import { type Platform, SERVE, type Thread, type ThreadData } from "./platform.js";

/** Returns one of Node's modules by its name. */
export type GetModule = (name: string) => unknown;

/**
 * The program of a thread. Its end of the lifeline is closed when the thread ends, however it ends; messages on it are the team's checks
 * that the thread lives, which would pile up.
 */
const PROGRAM = `${SERVE}
const { parentPort, receiveMessageOnPort, workerData } = process.getBuiltinModule("node:worker_threads");
const takeChecks = () => {
  while (receiveMessageOnPort(workerData.lifeline));
};
serve(workerData, takeChecks, () => parentPort.postMessage("ready"));
`;

/** Node, and the hosts that have its modules: Bun and Deno. They are got when needed, not imported, for the sake of bundlers and browsers. */
export function node(getModule: GetModule): Platform {
  const { Buffer } = getModule("node:buffer") as typeof Buffers;
  const { inflateRawSync } = getModule("node:zlib") as typeof Compression;
  return {
    inflate: async (bytes) => new Uint8Array(inflateRawSync(bytes)),
    startThread: (data) => startThread(getModule("node:worker_threads") as typeof Threads, data),
    bytesOf: ({ buffer, byteOffset, byteLength }) =>
      Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength),
    // Filling a Buffer from another one copies it as a whole. If either is shared, `set` copies word by word and takes twice as long.
    copy(from, to, at = 0) {
      if (from.length > 0) (to as Buffer).fill(from, at, at + from.length);
    },
  };
}

function startThread({ MessageChannel, Worker }: typeof Threads, data: ThreadData): Thread {
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(PROGRAM, {
    eval: true,
    workerData: { ...data, lifeline: port2 },
    transferList: [port2],
    // Options of the process, such as --input-type, may not suit a thread.
    execArgv: [],
  });
  const ready = new Promise<void>((resolve, reject) => {
    worker.once("message", () => resolve());
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("a thread of the kernel ended before it was ready")));
  });
  ready.then(
    () => worker.unref(),
    () => {},
  );
  return {
    ready,
    // Posting to a port returns false in Node once the other end is closed, without waiting for an event.
    isAlive: () => (port1.postMessage as (message: unknown) => unknown).call(port1, null) !== false,
    onEnd(callback) {
      worker.once("error", callback);
      worker.once("exit", () => callback());
    },
    terminate: async () => void (await worker.terminate()),
  };
}
