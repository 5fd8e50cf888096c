import { availableParallelism } from "node:os";
import type { BackendRecord } from "@softmax-bench/core";
import { openBackend } from "./open-backend.js";
import { BACKENDS } from "./registry.js";

/** From the start of this process, in milliseconds: what has not answered by then is given up. */
const DEADLINE_MS = 4_500;

/** Starts every backend in a process of its own, all at once, and says what came of it. Never throws. */
export function examine(): Promise<BackendRecord[]> {
  return Promise.all(
    Object.keys(BACKENDS).map(async (backend) => {
      const timeoutMs = Math.max(0, DEADLINE_MS - performance.now());
      const opening = await openBackend({ backend, threads: availableParallelism(), timeoutMs });
      opening.worker?.kill();
      return opening.record;
    }),
  );
}
