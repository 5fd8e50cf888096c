import type { Cell, Resolution, Results } from "./schema.js";

/**
 * Taken of a file that measured none, as a ratio minus 1: medians of single processes of the same code range over 4 to 6 %, and methods
 * of identical code have been seen 14 % apart (docs/methodology.md).
 */
const ASSUMED_RESOLUTION = 0.15;

/** How far times of identical code may differ, as a ratio minus 1. */
export type ResolutionLookup = (
  cell: Pick<Cell, "backend" | "workload" | "machine">,
  phase: Resolution["groups"][number]["phase"],
) => number;

/** The resolution of each backend and workload of a run. */
export function resolutionsOf({ resolution }: Pick<Results, "resolution">): ResolutionLookup {
  const keyOf = (backend: string, workload: string, phase: string, machine = "") =>
    JSON.stringify([backend, workload, phase, machine]);
  const known = new Map(
    resolution?.groups.map(({ backend, workload, phase, machine, ratio }) => [
      keyOf(backend, workload, phase, machine),
      ratio,
    ]),
  );
  return ({ backend, workload, machine }, phase) =>
    known.get(keyOf(backend, workload, phase, machine)) ?? ASSUMED_RESOLUTION;
}
