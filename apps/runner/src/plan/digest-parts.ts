import { type Backend, DTYPES, type Place } from "@softmax-bench/core";
import { hasTask, type Plan, type PlannedCell, type PlannedCurve, skipReason } from "./plan.js";
import { PROFILES } from "./profiles.js";

/** A part of a run without times that one process does: the cells of a place, or its experiments. */
export interface DigestPart {
  readonly place: Place;
  readonly kind: "cells" | "experiments";
}

/** Nanoseconds per element of a gradient besides its computation: reading inputs, copying, hashing. */
const HANDLING_NS = 10;

/** Nanoseconds per element, for a backend without a cost of its own. */
const USUAL_NS = 10;

/** Seconds of a curve: compiling for some shapes takes most of it. */
const CURVE_SECONDS = 0.05;

/** The parts of a run's work, the longest first, so that processes at the same time end at about the same time. */
export function digestParts(
  places: readonly Place[],
  plan: Plan,
  backends: ReadonlyMap<string, Backend>,
): DigestPart[] {
  const isAt = (place: Place) => (work: Place) => work.backend === place.backend && work.host === place.host;
  const isThere = (work: PlannedCell | PlannedCurve) => {
    const backend = backends.get(work.backend);
    return backend !== undefined && hasTask(backend, work);
  };
  const parts = places.flatMap((place) => {
    const cells = plan.cells.filter(isAt(place)).filter(isThere);
    const curves = plan.curves.filter(isAt(place)).filter(isThere);
    const seconds = cells.reduce((sum, cell) => sum + cellSeconds(cell, backends.get(cell.backend)), 0);
    return [
      { place, kind: "cells", seconds },
      { place, kind: "experiments", seconds: curves.length * CURVE_SECONDS },
    ] as const;
  });
  return parts.toSorted((a, b) => b.seconds - a.seconds).map(({ place, kind }) => ({ place, kind }));
}

function cellSeconds(cell: PlannedCell, backend: Backend | undefined): number {
  if (skipReason(cell, PROFILES.digests, backend)) return 0;
  const { rows, classes } = cell.workload;
  const width = DTYPES[cell.dtype].bytes / DTYPES.float32.bytes;
  return (rows * classes * width * ((backend?.cost?.nsPerElement ?? USUAL_NS) + HANDLING_NS)) / 1e9;
}
