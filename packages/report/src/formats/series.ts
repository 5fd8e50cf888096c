import { cellKey, DTYPES, intervalOf, type Results, resolutionLookup } from "@softmax-bench/core";
import { oneLine } from "../untrusted.js";

/** A cell in the form that tools for time series expect. */
export interface Series {
  readonly name: string;
  /** The time of the gradient, in ns; a median, with an interval. */
  readonly latency: { readonly value: number; readonly low: number; readonly high: number };
  /** Relative L2 error, at least a unit roundoff: growth from an error of 0, or a lucky one, would be unbounded. */
  readonly error?: number;
}

/**
 * Every measured cell, with its interval or else the resolution around its median. Non-finite errors have no notation.
 */
export function toSeries(results: Results): Series[] {
  const resolutions = resolutionLookup(results);
  return results.cells.flatMap((cell) => {
    const gradient = cell.timing?.gradient;
    if (cell.status !== "ok" || !gradient) return [];
    const relL2 = cell.accuracy?.gradient.relL2;
    const { medianNs } = gradient;
    const resolution = 1 + resolutions(cell, "gradient");
    const [low, high] = intervalOf(gradient) ?? [medianNs / resolution, medianNs * resolution];
    return [
      {
        name: oneLine(cellKey(cell)),
        latency: { value: medianNs, low, high },
        ...(relL2 !== undefined && Number.isFinite(relL2)
          ? { error: Math.max(relL2, DTYPES[cell.dtype].unitRoundoff) }
          : {}),
      },
    ];
  });
}
