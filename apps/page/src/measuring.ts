import {
  fillArrays,
  MeasuringWorker,
  type Platform,
  type Request,
  sha256,
  sizeOf,
  type Values,
  type WorkerArrays,
} from "@softmax-bench/measure";
import { clockStep } from "./clock.js";
import { loadBackend } from "./load-backends.js";
import { watchDevices } from "./lost-devices.js";

/** The measuring side in a worker of a page, whatever connects it with its parent. */

/** The connection of a worker with its parent. */
export interface Parent {
  /** Reads bytes of the inputs that the parent holds; undefined if it has fewer. */
  readInputs(from: number, bytes: number): Promise<Uint8Array | undefined>;
  /** Sends the results of a task, which follow one another. */
  sendResults(parts: readonly Uint8Array<ArrayBuffer>[]): Promise<void>;
  /** Reports that the worker cannot go on. */
  fail(message: string): void;
}

export interface MeasuringOptions {
  /** The address of the page. */
  readonly base: string;
  /** Time when the page was opened, in milliseconds since the epoch. */
  readonly openedAt: number;
  readonly parent: Parent;
}

declare const __BUNDLED_VERSIONS__: Readonly<Record<string, string>>;

/** Time after which the loss of a device is known that made a task fail, in milliseconds. */
const NOTICE_MS = 100;

/** Returns a function that does what a request asks for. It resolves to the reply, or to undefined if the worker failed. */
export function startMeasuring({
  base,
  openedAt,
  parent,
}: MeasuringOptions): (request: string) => Promise<string | undefined> {
  Reflect.set(globalThis, "BUNDLED_VERSIONS", __BUNDLED_VERSIONS__);
  const hasLostDevice = watchDevices((message) => parent.fail(message));
  const worker = new MeasuringWorker({
    loadBackend: (id) => loadBackend(id, base),
    platform: platformSince(openedAt),
    arrays: arraysOf(parent),
    remedyFor: () => "try another browser, or leave this backend out",
  });
  return async (text) => {
    const request: Request = JSON.parse(text);
    const reply = await worker.respond(request);
    if (reply.type === "failed") await new Promise((resolve) => setTimeout(resolve, NOTICE_MS));
    // The worker has failed with its device, which is what the parent goes by.
    return hasLostDevice() ? undefined : JSON.stringify(reply);
  };
}

const arraysOf = (parent: Parent): WorkerArrays => ({
  // A page that is not secure, such as one of another machine over http, cannot compute it.
  digest: globalThis.crypto.subtle ? (array) => sha256(array.slice()) : undefined,
  async readInputs(set, into) {
    const bytes = sizeOf(into);
    const inputs = await parent.readInputs(set * bytes, bytes);
    if (!inputs) throw new Error(`there are fewer inputs than ${bytes} bytes of set ${set}`);
    fillArrays(into, inputs);
  },
  async writeResults(results: readonly Values[]) {
    // Shared memory cannot be sent.
    await parent.sendResults(
      results.map(({ buffer, byteOffset, byteLength }) =>
        new Uint8Array(buffer, byteOffset, byteLength).slice(),
      ),
    );
  },
});

const platformSince = (openedAt: number): Platform => ({
  now: () => performance.now() * 1e6,
  clockStepNs: clockStep(),
  sinceStart: () => (performance.timeOrigin + performance.now() - openedAt) * 1e6,
  backgroundNs: () => undefined,
  arrayBytes: () => undefined,
  residentBytes: () => undefined,
  peakResidentBytes: () => undefined,
  collectGarbage: Reflect.get(globalThis, "gc"),
});
