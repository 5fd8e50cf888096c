import { type Backend, DTYPES, type Place } from "@softmax-bench/core";
import { hasTask, type Plan, type PlannedCell, type PlannedCurve, skipReason } from "./plan.js";
import { PROFILES } from "./profiles.js";

/** Nanoseconds per element of a gradient besides its computation: reading inputs, copying, hashing. */
const HANDLING_NS = 10;

/** Nanoseconds per element, for a backend without a cost of its own. */
const USUAL_NS = 10;

/** Seconds of a curve besides its computation, most of them to compile for some shapes; and its elements, on average. */
const CURVE_SECONDS = 0.03;
const CURVE_ELEMENTS = 0.2e6;

/**
 * The places of a run without times, the one that takes longest first: processes at the same time then end at about the
 * same time. Backends that a gate spares large workloads come before all others: they are slow with small ones, too.
 */
export function longestFirst(
  places: readonly Place[],
  plan: Plan,
  backends: ReadonlyMap<string, Backend>,
): Place[] {
  const secondsOf = (place: Place): number => {
    const backend = backends.get(place.backend);
    if (!backend) return 0;
    const isThere = (work: PlannedCell | PlannedCurve) =>
      work.backend === place.backend && work.host === place.host && hasTask(backend, work);
    const curveSeconds = CURVE_SECONDS + CURVE_ELEMENTS * elementSeconds(backend);
    return plan.cells
      .filter(isThere)
      .reduce(
        (sum, cell) => sum + cellSeconds(cell, backend),
        plan.curves.filter(isThere).length * curveSeconds,
      );
  };
  const isSlow = ({ backend }: Place) => backends.get(backend)?.cost?.mostElementsInGate !== undefined;
  return places
    .map((place) => ({ place, isSlow: Number(isSlow(place)), seconds: secondsOf(place) }))
    .toSorted((a, b) => b.isSlow - a.isSlow || b.seconds - a.seconds)
    .map(({ place }) => place);
}

const elementSeconds = ({ cost }: Backend): number => ((cost?.nsPerElement ?? USUAL_NS) + HANDLING_NS) / 1e9;

function cellSeconds(cell: PlannedCell, backend: Backend): number {
  if (skipReason(cell, PROFILES.digests, backend)) return 0;
  const { rows, classes } = cell.workload;
  const width = DTYPES[cell.dtype].bytes / DTYPES.float32.bytes;
  return rows * classes * width * elementSeconds(backend);
}
