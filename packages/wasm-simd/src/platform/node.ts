import { once } from "node:events";
import { readFileSync } from "node:fs";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import type { Thread, ThreadData } from "./thread.js";

export interface WorkerData extends ThreadData {
  /** Closed when the thread ends, however it ends. */
  readonly lifeline: MessagePort;
}

/** The code of the kernel. @param name of a file beside this package's programs */
export const readCode = async (name: string): Promise<BufferSource> =>
  readFileSync(new URL(`../${name}.wasm`, import.meta.url));

export function startThread(data: ThreadData): Thread {
  const { port1, port2 } = new MessageChannel();
  const workerData: WorkerData = { ...data, lifeline: port2 };
  const worker = new Worker(new URL("./node-worker.js", import.meta.url), {
    workerData,
    transferList: [port2],
    // Options of the process, such as --input-type, may not suit a thread.
    execArgv: [],
  });
  const serves = ready(worker);
  void serves.then(
    () => worker.unref(),
    () => {},
  );
  return {
    ready: serves,
    // Posting to a port returns false in Node once the other end is closed, without waiting for an event.
    isAlive: () => (port1.postMessage as (message: unknown) => unknown).call(port1, null) !== false,
    onEnd(callback) {
      worker.once("error", callback);
      worker.once("exit", () => callback());
    },
    terminate: async () => void (await worker.terminate()),
  };
}

/** Resolves when a worker serves. @throws Error if it fails to start */
async function ready(worker: Worker): Promise<void> {
  const ended = new AbortController();
  worker.once("exit", () => ended.abort(new Error("a thread of the kernel ended before it was ready")));
  try {
    await once(worker, "message", { signal: ended.signal });
  } catch (error) {
    throw ended.signal.aborted ? ended.signal.reason : error;
  }
}

/** An array's memory. */
export const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);

/**
 * Copies bytes to `at`. Filling a Buffer from another one copies it as a whole. If either is shared, `set` copies word
 * by word and takes twice as long.
 */
export function copy(from: Uint8Array, to: Uint8Array, at = 0): void {
  if (from.length > 0) (to as Buffer).fill(from, at, at + from.length);
}
