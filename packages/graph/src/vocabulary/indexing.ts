import type { Value } from "../graph.js";
import { apply } from "../op.js";
import type { DType } from "../tensor.js";

/** Rows of `depth` zeros with a one at each index; the new axis comes last. */
export const oneHot = (indices: Value, depth: number, dtype: DType): Value =>
  apply("OneHot", [indices], { depth, dtype });

/** Slices of x along an axis, one per index, in place of that axis. */
export const gather = (x: Value, indices: Value, axis: number): Value =>
  apply("Gather", [x, indices], { axis });

export const gatherElements = (x: Value, indices: Value, axis: number): Value =>
  apply("GatherElements", [x, indices], { axis });

export const scatterElements = (
  x: Value,
  indices: Value,
  updates: Value,
  axis: number,
  reduction: "none" | "add" = "none",
): Value => apply("ScatterElements", [x, indices, updates], { axis, reduction });
