import { placeName, uniformSource } from "@softmax-bench/core";
import type { PlannedCell } from "./plan.js";

/**
 * Draws the cell that is measured twice, as if its twin were another cell. The two make an A/A pair: identical code,
 * whose difference is what this run cannot resolve. It is the same cell in every process.
 *
 * @param candidates cells of one backend, workload and dtype that are expected to run
 */
export function drawTwin(candidates: readonly PlannedCell[], seed: number): PlannedCell | undefined {
  const [first] = candidates;
  if (!first) return undefined;
  const { workload, dtype } = first;
  const uniform = uniformSource(`twin/${placeName(first)} ${workload.id} ${dtype}`, seed);
  return candidates[Math.floor(uniform() * candidates.length)];
}
