import {
  cellKey,
  DTYPES,
  intervalOf,
  type Results,
  resolutionLookup,
  type Timing,
} from "@softmax-bench/core";
import { oneLine } from "../untrusted.js";

/** A cell in the form that tools for time series expect. */
export interface Series {
  readonly name: string;
  /** The time of the gradient, in ns; a median, with an interval. Absent if it was not timed. */
  readonly latency?: { readonly value: number; readonly low: number; readonly high: number };
  /** Relative L2 error, at least a unit roundoff: growth from an error of 0, or a lucky one, would be unbounded. */
  readonly error?: number;
}

/**
 * Every cell with a time or an error. A time has its interval, or else the resolution around its median. Non-finite
 * errors have no notation.
 */
export function toSeries(results: Results): Series[] {
  const resolutions = resolutionLookup(results);
  return results.cells.flatMap((cell) => {
    const gradient = cell.timing?.gradient;
    const relL2 = cell.accuracy?.gradient.relL2;
    const hasError = relL2 !== undefined && Number.isFinite(relL2);
    if (cell.status !== "ok" || !(gradient || hasError)) return [];
    const spread = 1 + resolutions(cell, "gradient", gradient);
    return [
      {
        name: oneLine(cellKey(cell)),
        ...(gradient ? { latency: toLatency(gradient, spread) } : {}),
        ...(hasError ? { error: Math.max(relL2, DTYPES[cell.dtype].unitRoundoff) } : {}),
      },
    ];
  });
}

function toLatency(gradient: Timing, spread: number): NonNullable<Series["latency"]> {
  const { medianNs } = gradient;
  const [low, high] = intervalOf(gradient) ?? [medianNs / spread, medianNs * spread];
  return { value: medianNs, low, high };
}
