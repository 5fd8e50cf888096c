import { formatResults } from "@softmax-bench/core/results";
import { measureVisitor, parseVisitorRequest, progressObserver } from "@softmax-bench/runner/run-in-page";
import { loadAdapters } from "../../page/src/load-backends.js";
import { retry } from "../../page/src/retry.js";
import type { ParentEvent, ParentRole, WorkerLost } from "./messages.js";
import { type StartWorker, WorkerHost } from "./worker-host.js";

/** The version of softmax-bench. */
declare const __VERSION__: string;

const post = (event: ParentEvent, transfer: Transferable[] = []) => postMessage(event, { transfer });

/** Makes the page start measuring workers. */
function workerStarter(): StartWorker {
  const losses = new Map<number, (reason: string) => void>();
  addEventListener("message", ({ data }: MessageEvent<WorkerLost>) => losses.get(data.id)?.(data.reason));
  let count = 0;
  return (lose) => {
    const id = count++;
    const { port1, port2 } = new MessageChannel();
    losses.set(id, lose);
    post({ type: "start", id, port: port2 }, [port2]);
    return {
      port: port1,
      end() {
        losses.delete(id);
        port1.close();
        post({ type: "end", id });
      },
    };
  };
}

/** Runs the matrix that the page wants: makes inputs, starts measuring workers, judges their gradients. */
export async function startParent({ wanted }: ParentRole): Promise<void> {
  try {
    const request = parseVisitorRequest(JSON.stringify(wanted));
    if (typeof request === "string") throw new Error(request);
    const startedAt = new Date();
    const startWorker = workerStarter();
    const results = await measureVisitor({
      id: `${stampOf(startedAt)}-${request.profile}`,
      startedAt,
      request,
      backends: await retry(loadAdapters),
      createHost: (id) => new WorkerHost(id, startWorker),
      software: { version: __VERSION__, commit: null, node: "none" },
      observer: progressObserver((progress) => post(progress)),
      signal: new AbortController().signal,
    });
    const finished = results.cells.filter(({ status }) => status === "ok").length;
    const summary = `${finished} of ${results.cells.length} cells have a gradient`;
    post({ type: "done", results: formatResults(results), summary });
  } catch (error) {
    post({ type: "failed", reason: error instanceof Error ? error.message : String(error) });
  }
}

/** `20260131-120000`. */
const stampOf = (time: Date): string =>
  time
    .toISOString()
    .replaceAll(/[-:]|\.\d+Z$/g, "")
    .replace("T", "-");
