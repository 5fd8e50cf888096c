import { type Backend, plural } from "@softmax-bench/core";
import { formatWall } from "@softmax-bench/report/model";
import { cellSeconds, processSeconds } from "../plan/estimate.js";
import { placesOfRun } from "../plan/place-names.js";
import type { PlannedCell } from "../plan/plan.js";
import { PROFILES } from "../plan/profiles.js";
import type { Header } from "../results/journal/entries.js";

/**
 * A line about a run whose fewest processes take longer than the time that it was given; undefined if there is time for
 * them, or none was given. The time decides on further ones alone.
 *
 * @param cells of the run that can be measured
 */
export function describeFewest(
  cells: readonly PlannedCell[],
  header: Header,
  backends: ReadonlyMap<string, Backend>,
): string | undefined {
  const profile = PROFILES[header.profile];
  const { processes, mostProcesses } = profile;
  const { timeMs } = header;
  if (timeMs === undefined || profile.untimed || processes === mostProcesses) return undefined;
  const starts = processes * placesOfRun(header).length * processSeconds(profile);
  const seconds = cells.reduce(
    (sum, cell) => sum + cellSeconds(cell, profile, backends.get(cell.backend)),
    starts,
  );
  if (cells.length === 0 || 1000 * seconds <= timeMs) return undefined;
  return `${plural(processes, "process", "processes")} of each cell are measured in any case, which takes about ${formatWall(1e9 * seconds)}, longer than the ${formatWall(1e6 * timeMs)} of the run; choose fewer cells, or --profile smoke, for less`;
}
