import { availableParallelism } from "node:os";
import { type Backend, commandLine } from "@softmax-bench/core";
import { CURRENT_RUNTIME, javascriptWorker, ProcessHost } from "@softmax-bench/host-node";
import { findPython, PythonHost } from "@softmax-bench/host-python";
import type { Host } from "@softmax-bench/measure";
import type { ExaminedBackend } from "@softmax-bench/report";
import { BACKENDS_MODULE, backendIds, loadBackend } from "../plan/load-backends.js";
import { usualPlace } from "../plan/place-names.js";
import { hostsOf, runsIn, THIS_NODE } from "../plan/places.js";
import { isReference } from "../plan/references.js";
import { openBackend } from "./open-backend.js";
import { remediesOf } from "./remedies.js";

export const LONGEST_TIMEOUT_S = 3600;

/**
 * Starts every backend that runs in Node in a process of its own, all at once, and says what came of it.
 *
 * @param timeoutS in seconds: a backend that has not started by then is reported as slow
 * @param backends ids; default: all
 * @throws UsageError if `bench.config.ts` is wrong, and nothing else
 */
export async function probeBackends(
  timeoutS: number,
  backends?: readonly string[],
): Promise<ExaminedBackend[]> {
  const ids = backends ?? (await backendIds());
  return Promise.all(ids.map((backend) => probeBackend(backend, timeoutS)));
}

async function probeBackend(backend: string, timeoutS: number): Promise<ExaminedBackend> {
  const place = usualPlace(backend);
  const adapter = await loadBackend(backend);
  if (adapter && !isReference(backend) && !runsIn(adapter, "node")) return elsewhere(adapter);
  const timeoutMs = 1000 * timeoutS;
  const opening = await openBackend({
    place,
    threads: availableParallelism(),
    timeoutMs,
    adapter,
    remedies: remediesOf(place),
    host: hostFor(backend),
  });
  opening.worker?.kill();
  if (opening.worker || !opening.slow) return opening.record;
  const remedy = `wait longer: ${commandLine(`doctor --timeout ${Math.min(2 * timeoutS, LONGEST_TIMEOUT_S)}`)}`;
  return { ...opening.record, slow: true, remedy };
}

const hostFor = async (backend: string): Promise<Host> =>
  isReference(backend)
    ? new PythonHost(await findPython())
    : new ProcessHost(THIS_NODE, { command: javascriptWorker(CURRENT_RUNTIME, BACKENDS_MODULE) });

const elsewhere = (backend: Backend): ExaminedBackend => ({
  id: backend.id,
  status: "unavailable",
  runsIn: hostsOf(backend),
  reason: `it runs in a ${hostsOf(backend).join(" or ")}, not in Node`,
  remedy: commandLine(`bench --host chromium --backend ${backend.id}`),
});
