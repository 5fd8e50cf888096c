import { type Cell, cellKey, type Results } from "@softmax-bench/core";
import type { Role } from "./blocks.js";
import { type ComparedCell, cellsAndCurves } from "./curves.js";

/** The measurements of one start of a checkout's command line. */
export interface ProcessRun {
  readonly role: Role;
  /**
   * `route` and `decide` are the two stages of times; `digests` has only digests of gradients; in `errors`, gradients are
   * compared with the oracle.
   */
  readonly stage: "route" | "decide" | "digests" | "errors";
  /** The index of its block in the stage, from 0. */
  readonly block: number;
  /** Keys of the cells that it was asked to measure. */
  readonly asked: readonly string[];
  readonly results: Results;
  /** True if nothing was computed: an earlier gate had found the same digests. */
  readonly isKnown?: boolean;
}

/** True if times were taken. */
export const isTimed = ({ stage }: ProcessRun): boolean => stage === "route" || stage === "decide";

/** Cells of one side in every pass, by key; the control is the baseline's. */
export function groupCells(
  passes: readonly ProcessRun[],
  side: "baseline" | "candidate",
): Map<string, ComparedCell[]> {
  const groups = new Map<string, ComparedCell[]>();
  for (const { role, results } of passes) {
    if ((role === "candidate") !== (side === "candidate")) continue;
    for (const cell of cellsAndCurves(results)) {
      const group = groups.get(cellKey(cell));
      if (group) group.push(cell);
      else groups.set(cellKey(cell), [cell]);
    }
  }
  return groups;
}

/** The digests of those that were computed. */
export const collectDigests = (cells: readonly Cell[] = []): Set<string | undefined> =>
  new Set(cells.filter(({ status }) => status === "ok").map(({ gradientDigest }) => gradientDigest));
