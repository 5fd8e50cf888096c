import { BACKEND_IDS } from "../../page/src/backend-ids.js";
import { type Progress, showForm, type Wanted } from "../../page/src/visitor/form.js";
import { isolate } from "./isolate.js";
import type { ParentEvent, ParentRole } from "./messages.js";

/** The page of the static site: a worker is the parent of its runs. */

function measure(wanted: Wanted, report: (progress: Progress) => void, signal: AbortSignal): Promise<Node> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  const answered = new Promise<Node>((resolve, reject) => {
    worker.addEventListener("message", ({ data }: MessageEvent<ParentEvent>) => {
      if (data.type === "progress") report(data);
      else if (data.type === "failed") reject(new Error(data.reason));
      else resolve(download(data.results, data.summary));
    });
    worker.addEventListener("error", ({ message }) => reject(new Error(message || "a worker does not load")));
    signal.addEventListener("abort", () => reject(signal.reason));
  });
  worker.postMessage({ role: "parent", base: location.href, wanted } satisfies ParentRole);
  return answered.finally(() => worker.terminate());
}

function download(results: string, summary: string): Node {
  const text = document.createElement("span");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([results], { type: "application/json" }));
  link.download = "results.json";
  link.textContent = "Download results.json";
  text.append(`Done: ${summary}. `, link, ". pnpm report, pnpm compare and pnpm merge read it.");
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
