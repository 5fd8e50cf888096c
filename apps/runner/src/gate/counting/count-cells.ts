import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf, placeName } from "@softmax-bench/core";
import { ProcessHost } from "@softmax-bench/host-node";
import { THIS_NODE } from "../../plan/host-requests.js";
import { loadBackend } from "../../plan/load-backends.js";
import { keyOf, type PlannedCell } from "../../plan/plan.js";
import { openBackend } from "../../session/open-backend.js";
import { toTaskOutcome } from "../../session/outcome.js";
import { remediesOf } from "../../session/remedies.js";
import { allOrNone } from "../all-or-none.js";
import type { CountedCell } from "./counted-cells.js";
import { beginCounting, CountFiles, simulatedWorker } from "./simulator.js";

/** Numbers of calls of a gradient. */
const CALLS = { warmupCalls: 30, segments: 8, callsPerSegment: 3 };

/** Starting a backend, or counting a cell, takes seconds of a simulated processor, and minutes on a busy machine. */
const TIMEOUT_MS = 900_000;

/** Counts instructions per call, in one simulated process for each backend, all at the same time. */
export async function countCells(cells: readonly PlannedCell[], signal: AbortSignal): Promise<CountedCell[]> {
  const places = [...new Set(cells.map(placeName))];
  const counted = await allOrNone(
    signal,
    places.map(
      (name) => (either: AbortSignal) =>
        countInProcess(
          cells.filter((cell) => placeName(cell) === name),
          either,
        ),
    ),
  );
  return counted.flat();
}

async function countInProcess(cells: readonly PlannedCell[], signal: AbortSignal): Promise<CountedCell[]> {
  const folder = mkdtempSync(join(tmpdir(), "softmax-bench-counts-"));
  let worker: Awaited<ReturnType<typeof openBackend>>["worker"];
  const stop = () => worker?.kill();
  signal.addEventListener("abort", stop);
  try {
    const [place] = cells as [PlannedCell];
    const opening = await openBackend({
      place,
      threads: 1,
      timeoutMs: TIMEOUT_MS,
      adapter: await loadBackend(place.backend),
      remedies: remediesOf(place),
      host: new ProcessHost(THIS_NODE, { command: simulatedWorker(folder) }),
      onStart: (started) => {
        worker = started;
        if (signal.aborted) stop();
      },
    });
    worker = opening.worker;
    if (!worker) {
      const reason = `${place.backend} does not start: ${opening.record.reason}`;
      return cells.map((cell) => ({ cell: keyOf(cell), status: "failed", reason }));
    }
    await beginCounting(folder);
    const files = new CountFiles(folder);
    const counted: CountedCell[] = [];
    for (const cell of cells) {
      const { method, dtype, workload } = cell;
      const task = { method, dtype, rows: workload.rows, classes: workload.classes };
      const request = { type: "count", ...task, ...CALLS } as const;
      const outcome = toTaskOutcome(place, await worker.request(request, TIMEOUT_MS), "counted");
      signal.throwIfAborted();
      counted.push({
        cell: keyOf(cell),
        ...(outcome.status === "ok" ? read(files, outcome.reply.marks) : outcome),
      });
    }
    return counted;
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function read(files: CountFiles, marks: number): Omit<CountedCell, "cell"> {
  try {
    const segments = files.take(marks).map((count) => count / CALLS.callsPerSegment);
    // Collections of garbage, and code that is optimised late, add to some segments.
    return { status: "ok", instructions: Math.min(...segments), segments };
  } catch (error) {
    return { status: "failed", reason: messageOf(error) };
  }
}
