import { type Backend, DTYPES, type Place } from "@softmax-bench/core";
import { hasTask, type Plan, type PlannedCell, type PlannedCurve, skipReason } from "./plan.js";
import { PROFILES } from "./profiles.js";

/** Nanoseconds per element of a gradient besides its computation: reading inputs, copying, hashing. */
const HANDLING_NS = 10;

/** Nanoseconds per element, for a backend without a cost of its own. */
const USUAL_NS = 10;

/** Seconds of a curve: compiling for some shapes takes most of it. */
const CURVE_SECONDS = 0.05;

/**
 * The places of a run without times, the one that takes longest first: processes at the same time then end at about the
 * same time.
 */
export function longestFirst(
  places: readonly Place[],
  plan: Plan,
  backends: ReadonlyMap<string, Backend>,
): Place[] {
  const secondsOf = (place: Place): number => {
    const isThere = (work: PlannedCell | PlannedCurve) => {
      const backend = backends.get(work.backend);
      const isHere = work.backend === place.backend && work.host === place.host;
      return isHere && backend !== undefined && hasTask(backend, work);
    };
    const backend = backends.get(place.backend);
    return plan.cells
      .filter(isThere)
      .reduce(
        (sum, cell) => sum + cellSeconds(cell, backend),
        plan.curves.filter(isThere).length * CURVE_SECONDS,
      );
  };
  return places
    .map((place) => ({ place, seconds: secondsOf(place) }))
    .toSorted((a, b) => b.seconds - a.seconds)
    .map(({ place }) => place);
}

function cellSeconds(cell: PlannedCell, backend: Backend | undefined): number {
  if (skipReason(cell, PROFILES.digests, backend)) return 0;
  const { rows, classes } = cell.workload;
  const width = DTYPES[cell.dtype].bytes / DTYPES.float32.bytes;
  return (rows * classes * width * ((backend?.cost?.nsPerElement ?? USUAL_NS) + HANDLING_NS)) / 1e9;
}
