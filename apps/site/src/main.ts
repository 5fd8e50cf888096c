import { BACKEND_IDS } from "../../page/src/backend-ids.js";
import { retry } from "../../page/src/retry.js";
import { type Progress, showForm, type Wanted } from "../../page/src/visitor/form.js";
import { isolate } from "./isolate.js";
import type { MeasuringRole, ParentEvent, ParentRole, WorkerLost } from "./messages.js";

/** The page of the static site: a worker is the parent of its runs, and others measure. */

interface StartedWorker {
  readonly worker: Worker;
  /** Time when it was started, in milliseconds since the epoch. */
  readonly startedAt: number;
}

/** Starts a worker, which waits for its role. @throws Error if it does not load */
const startWorker = (): Promise<StartedWorker> =>
  retry(async () => {
    const startedAt = performance.timeOrigin + performance.now();
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    await new Promise((resolve, reject) => {
      worker.addEventListener("message", resolve, { once: true });
      worker.addEventListener("error", ({ message }) =>
        reject(new Error(message || "a worker does not load")),
      );
    });
    return { worker, startedAt };
  });

async function measure(
  wanted: Wanted,
  report: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<Node> {
  const { worker: parent } = await startWorker();
  /** The measuring workers; undefined while one starts. */
  const measuring = new Map<number, Worker | undefined>();
  const lose = (id: number, reason: string) =>
    parent.postMessage({ type: "lost", id, reason } satisfies WorkerLost);
  const start = async (id: number, port: MessagePort) => {
    measuring.set(id, undefined);
    const { worker, startedAt } = await startWorker();
    if (!measuring.has(id)) return worker.terminate();
    measuring.set(id, worker);
    worker.addEventListener("error", ({ message }) => lose(id, message));
    const role: MeasuringRole = { role: "measuring", base: location.href, openedAt: startedAt, port };
    worker.postMessage(role, [port]);
  };
  const end = (id: number) => {
    measuring.get(id)?.terminate();
    measuring.delete(id);
  };
  const answered = new Promise<Node>((resolve, reject) => {
    parent.addEventListener("message", ({ data }: MessageEvent<ParentEvent>) => {
      if (data.type === "progress") report(data);
      else if (data.type === "start") {
        start(data.id, data.port).catch((error: Error) => lose(data.id, error.message));
      } else if (data.type === "end") end(data.id);
      else if (data.type === "failed") reject(new Error(data.reason));
      else resolve(download(data.results, data.summary));
    });
    parent.addEventListener("error", ({ message }) => reject(new Error(message)));
    signal.addEventListener("abort", () => reject(signal.reason));
    signal.throwIfAborted();
  });
  parent.postMessage({ role: "parent", wanted } satisfies ParentRole);
  return answered.finally(() => {
    parent.terminate();
    for (const id of measuring.keys()) end(id);
  });
}

function download(results: string, summary: string): Node {
  const text = document.createElement("span");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([results], { type: "application/json" }));
  link.download = "results.json";
  link.textContent = "Download results.json";
  text.append(`Done: ${summary}. `, link, ". The commands report, compare and merge read it.");
  return text;
}

async function start(root: HTMLElement): Promise<void> {
  if (!isSecureContext) {
    root.textContent =
      "This page needs https, or this machine's own address: without, a browser has no digests and no shared memory.";
    return;
  }
  if (await isolate()) return;
  await showForm(root, {
    backends: BACKEND_IDS,
    destination: "All of it runs in this page: it sends nothing anywhere. The result is a file to download.",
    measure,
  });
}

const [root] = document.getElementsByTagName("main");
if (root) void start(root);
