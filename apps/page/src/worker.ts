import {
  MeasuringWorker,
  type Platform,
  type Request,
  type Values,
  type WorkerArrays,
} from "@softmax-bench/measure";
import { loadBackend } from "./backends.js";
import { watchDevices } from "./lost-devices.js";

/** The measuring side, in a worker of the page. Its first message says where the page is and when it was opened; each other one is a request. */
interface Begin {
  readonly base: string;
  /** Milliseconds since the epoch. */
  readonly openedAt: number;
}

const totalBytes = (arrays: readonly Values[]): number =>
  arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);

/** The parent's arrays, through HTTP. */
const arraysAt = (base: string): WorkerArrays => ({
  async readInputs(set, into) {
    const bytes = totalBytes(into);
    const response = await fetch(new URL(`inputs?from=${set * bytes}&bytes=${bytes}`, base));
    if (!response.ok) throw new Error(`there are fewer inputs than ${bytes} bytes of set ${set}`);
    const all = new Uint8Array(await response.arrayBuffer());
    let start = 0;
    for (const { buffer, byteOffset, byteLength } of into) {
      new Uint8Array(buffer, byteOffset, byteLength).set(all.subarray(start, start + byteLength));
      start += byteLength;
    }
  },
  async writeResults(results) {
    // Shared memory cannot be sent.
    const parts = results.map(({ buffer, byteOffset, byteLength }) =>
      new Uint8Array(buffer, byteOffset, byteLength).slice(),
    );
    await fetch(new URL("results", base), { method: "POST", body: new Blob(parts as BlobPart[]) });
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

/** The smallest difference between two times of the clock, in nanoseconds. */
function clockStep(): number {
  let smallest = Number.POSITIVE_INFINITY;
  let last = performance.now();
  for (let steps = 0; steps < 50; ) {
    const next = performance.now();
    if (next === last) continue;
    smallest = Math.min(smallest, next - last);
    last = next;
    steps++;
  }
  return smallest * 1e6;
}

declare const __BUNDLED_VERSIONS__: Readonly<Record<string, string>>;
Reflect.set(globalThis, "BUNDLED_VERSIONS", __BUNDLED_VERSIONS__);

/** After which the loss of a device is known that made a task fail, in milliseconds. */
const NOTICE_MS = 100;

let worker: MeasuringWorker | undefined;
let hasLostDevice = () => false;

addEventListener("message", ({ data }: MessageEvent<Begin | string>) => {
  if (typeof data !== "string") {
    hasLostDevice = watchDevices(
      (body) => void fetch(new URL("failures", data.base), { method: "POST", body }),
    );
    worker = new MeasuringWorker({
      loadBackend: (id) => loadBackend(id, data.base),
      platform: platformSince(data.openedAt),
      arrays: arraysAt(data.base),
      remedyFor: () => "try another browser, or leave this backend out",
    });
    return;
  }
  void respond(JSON.parse(data));
});

async function respond(request: Request): Promise<void> {
  const reply = await worker?.respond(request);
  if (reply?.type === "failed") await new Promise((resolve) => setTimeout(resolve, NOTICE_MS));
  // The page has failed with its device, which is what the parent goes by.
  if (!hasLostDevice()) postMessage(JSON.stringify(reply));
}
