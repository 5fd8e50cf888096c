import {
  type Cell,
  cellKey,
  DTYPES,
  intervalOf,
  type Results,
  resolutionLookup,
  type Timing,
} from "@softmax-bench/core";
import { countsInSeries } from "../ranking.js";
import { oneLine } from "../untrusted.js";

/** A cell in the form that tools for time series expect. */
export interface Series {
  /** The cell, and its machine where there are several. */
  readonly name: string;
  /** The id of that machine. */
  readonly machine: string | undefined;
  /** The time of the gradient, in ns; a median, with an interval. Absent if there is none, or an unsettled one. */
  readonly latency?: { readonly value: number; readonly low: number; readonly high: number };
  /** Relative L2 error, at least a unit roundoff: growth from an error of 0, or a lucky one, would be unbounded. */
  readonly error?: number;
}

/** The time of a cell's gradient, for tools that compare runs; undefined if there is none, or an unsettled one. */
export function comparableGradient({ timing }: Pick<Cell, "timing">): Timing | undefined {
  const gradient = timing?.gradient;
  return gradient && countsInSeries({ timing: gradient }) ? gradient : undefined;
}

/**
 * Every cell with a time that tools may compare, or an error. A time has the wider of its interval over processes and the
 * measured resolution around its median. Non-finite errors have no notation.
 */
export function toSeries(results: Results): Series[] {
  const resolutions = resolutionLookup(results);
  // An assumed resolution is only for times without an interval.
  const spreadOf = (cell: Cell, gradient: Timing): number =>
    results.resolution || !intervalOf(gradient) ? 1 + resolutions(cell, "gradient", gradient) : 1;
  return results.cells.flatMap((cell) => {
    const gradient = comparableGradient(cell);
    const relL2 = cell.accuracy?.gradient.relL2;
    const hasError = relL2 !== undefined && Number.isFinite(relL2);
    if (cell.status !== "ok" || !(gradient || hasError)) return [];
    const { machine } = cell;
    return [
      {
        name: oneLine(machine === undefined ? cellKey(cell) : `${cellKey(cell)} on ${machine}`),
        machine: machine === undefined ? undefined : oneLine(machine),
        ...(gradient ? { latency: toLatency(gradient, spreadOf(cell, gradient)) } : {}),
        ...(hasError ? { error: Math.max(relL2, DTYPES[cell.dtype].unitRoundoff) } : {}),
      },
    ];
  });
}

function toLatency(gradient: Timing, spread: number): NonNullable<Series["latency"]> {
  const { medianNs } = gradient;
  const [low, high] = intervalOf(gradient) ?? [medianNs, medianNs];
  return { value: medianNs, low: Math.min(low, medianNs / spread), high: Math.max(high, medianNs * spread) };
}
