import { BACKEND_IDS } from "../../page/src/backend-ids.js";
import { type Progress, showForm, type Wanted } from "../../page/src/visitor/form.js";
import { isolate } from "./isolate.js";
import type { MeasuringRole, ParentEvent, ParentRole, WorkerLost } from "./messages.js";

/** The page of the static site: a worker is the parent of its runs, and others measure. */

const createWorker = () => new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });

function measure(wanted: Wanted, report: (progress: Progress) => void, signal: AbortSignal): Promise<Node> {
  const parent = createWorker();
  const measuring = new Map<number, Worker>();
  const start = (id: number, port: MessagePort) => {
    const worker = createWorker();
    measuring.set(id, worker);
    worker.addEventListener("error", ({ message }) =>
      parent.postMessage({ type: "lost", id, reason: message || "it does not load" } satisfies WorkerLost),
    );
    const openedAt = performance.timeOrigin + performance.now();
    const role: MeasuringRole = { role: "measuring", base: location.href, openedAt, port };
    worker.postMessage(role, [port]);
  };
  const end = (id: number) => {
    measuring.get(id)?.terminate();
    measuring.delete(id);
  };
  const answered = new Promise<Node>((resolve, reject) => {
    parent.addEventListener("message", ({ data }: MessageEvent<ParentEvent>) => {
      if (data.type === "progress") report(data);
      else if (data.type === "start") start(data.id, data.port);
      else if (data.type === "end") end(data.id);
      else if (data.type === "failed") reject(new Error(data.reason));
      else resolve(download(data.results, data.summary));
    });
    parent.addEventListener("error", ({ message }) => reject(new Error(message || "a worker does not load")));
    signal.addEventListener("abort", () => reject(signal.reason));
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
