import { DTYPES } from "@softmax-bench/core";
import { shapeGrid } from "../experiments/scaling/shapes.js";
import type { Plan } from "../plan/plan.js";
import type { ScalingSettings } from "../results/journal/entries.js";

/**
 * True if a planned gradient moves more bytes than the largest cache holds. Only such a time is compared with the
 * bandwidth of memory.
 *
 * @param cacheBytes size of the largest cache, if known
 */
export function needsBandwidth(
  { cells, series }: Pick<Plan, "cells" | "series">,
  scaling: ScalingSettings | undefined,
  cacheBytes = 0,
): boolean {
  const shapes = scaling ? shapeGrid(scaling.rows, scaling.classes) : [];
  const tasks = [
    ...cells.map(({ workload: { rows, classes }, dtype }) => ({ rows, classes, dtype })),
    ...series.flatMap(({ dtype }) => shapes.map(({ rows, classes }) => ({ rows, classes, dtype }))),
  ];
  // A gradient reads its logits and writes itself.
  return tasks.some(({ rows, classes, dtype }) => 2 * rows * classes * DTYPES[dtype].bytes > cacheBytes);
}
