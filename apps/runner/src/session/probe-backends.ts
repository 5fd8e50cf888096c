import { availableParallelism } from "node:os";
import { CURRENT_RUNTIME, ProcessHost } from "@softmax-bench/host-node";
import type { ExaminedBackend } from "@softmax-bench/report";
import { BACKENDS_MODULE, backendIds } from "../plan/load-backends.js";
import { THIS_NODE } from "../plan/places.js";
import { openBackend } from "./open-backend.js";

export const LONGEST_TIMEOUT_S = 3600;

/**
 * Starts every backend in a process of its own, all at once, and reports the outcomes.
 *
 * @param timeoutS in seconds: a backend that has not started by then is reported as slow
 * @throws UsageError if `bench.config.ts` is wrong, and nothing else
 */
export async function probeBackends(timeoutS: number): Promise<ExaminedBackend[]> {
  const host = new ProcessHost(THIS_NODE, { runtime: CURRENT_RUNTIME, backends: BACKENDS_MODULE });
  return Promise.all(
    (await backendIds()).map(async (backend) => {
      const timeoutMs = 1000 * timeoutS;
      const opening = await openBackend({
        place: { backend },
        threads: availableParallelism(),
        timeoutMs,
        host,
      });
      opening.worker?.kill();
      if (opening.worker || !opening.slow) return opening.record;
      const remedy = `wait longer: pnpm run doctor --timeout ${Math.min(2 * timeoutS, LONGEST_TIMEOUT_S)}`;
      return { ...opening.record, slow: true, remedy };
    }),
  );
}
