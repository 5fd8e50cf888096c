import { availableParallelism } from "node:os";
import type { BackendRecord } from "@softmax-bench/core";
import { openBackend } from "./open-backend.js";
import { BACKENDS } from "./registry.js";

/**
 * Starts every backend in a process of its own, all at once, and says what came of it. Never throws.
 *
 * @param deadlineMs from the start of this process, in milliseconds: what has not answered by then is given up
 */
export function examine(deadlineMs: number): Promise<BackendRecord[]> {
  return Promise.all(
    Object.keys(BACKENDS).map(async (backend) => {
      const timeoutMs = Math.max(0, deadlineMs - performance.now());
      const opening = await openBackend({ backend, threads: availableParallelism(), timeoutMs });
      opening.worker?.kill();
      return opening.record;
    }),
  );
}
