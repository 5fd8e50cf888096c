import { placeName } from "../place.js";
import type { Cell, Resolution, Results, Timing } from "./schema.js";

/**
 * The resolution of a file without a measured one, as a ratio minus 1: medians of single processes of the same code
 * range over 4 to 6 %, and methods of identical code have been seen 14 % apart (docs/methodology.md).
 */
export const ASSUMED_RESOLUTION = 0.15;

/**
 * Returns the possible difference between times of identical code, as a ratio minus 1.
 *
 * @param timing of the cell in this phase; absent: the coarsest of the cells with the same backend and workload
 */
export type ResolutionLookup = (
  cell: Pick<Cell, "backend" | "host" | "workload" | "machine">,
  phase: Resolution["groups"][number]["phase"],
  timing?: Pick<Timing, "scope" | "n">,
) => number;

/** The resolution of each backend and workload of a run. */
export function resolutionLookup({ resolution }: Pick<Results, "resolution">): ResolutionLookup {
  const keyOf = (cell: Parameters<ResolutionLookup>[0], phase: string) =>
    JSON.stringify([placeName(cell), cell.workload, phase, cell.machine ?? ""]);
  const known = new Map(resolution?.groups.map((group) => [keyOf(group, group.phase), group]));
  return (cell, phase, timing) => {
    const group = known.get(keyOf(cell, phase));
    const count = timing?.scope === "process" ? 1 : timing?.n;
    const own = group?.byProcesses?.find(({ processes }) => processes === count);
    return own?.ratio ?? group?.ratio ?? ASSUMED_RESOLUTION;
  };
}
