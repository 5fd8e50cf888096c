import { formatResults } from "@softmax-bench/core/results";
import { measureVisitor, parseVisitorRequest, progressObserver } from "@softmax-bench/runner/parent";
import { loadAdapters } from "../../page/src/backends.js";
import type { ParentEvent, ParentRole } from "./messages.js";
import { WorkerHost } from "./worker-host.js";

/** The version of softmax-bench. */
declare const __VERSION__: string;

const post = (event: ParentEvent) => postMessage(event);

/** Runs the matrix that the page wants: makes inputs, starts measuring workers, judges their gradients. */
export async function startParent({ base, wanted }: ParentRole): Promise<void> {
  try {
    const request = parseVisitorRequest(JSON.stringify(wanted));
    if (typeof request === "string") throw new Error(request);
    const startedAt = new Date();
    const results = await measureVisitor({
      id: `${stampOf(startedAt)}-${request.profile}`,
      startedAt,
      request,
      backends: await loadAdapters(),
      createHost: (id) => new WorkerHost(id, base),
      software: { version: __VERSION__, commit: null, node: "none" },
      observer: progressObserver(post),
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
