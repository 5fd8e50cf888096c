import { availableParallelism, freemem } from "node:os";
import { PROFILES, type Profile } from "../plan/profiles.js";

/** Bytes that a process takes with the largest workload of the default matrix, and some more. */
const PROCESS_BYTES = 2e9;

/** Number of processes that a run uses at the same time: as many as the machine has room for, where nothing is timed. */
export function processesAtOnce(profile: Profile["id"], threads: number): number {
  if (!PROFILES[profile].untimed) return 1;
  const bytes = Math.min(freemem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  return Math.max(1, Math.floor(Math.min(availableParallelism() / threads, bytes / PROCESS_BYTES)));
}
