import type { Cell, Results } from "@softmax-bench/core";
import { areTied } from "@softmax-bench/stats";
import { formatPercent } from "./format.js";
import type { RankedPhase } from "./ranking.js";

/**
 * Taken of a file that measured none, as a ratio minus 1: medians of single processes of the same code range over 4 to 6 %, and methods
 * of identical code have been seen 14 % apart (docs/methodology.md).
 */
export const ASSUMED_RESOLUTION = 0.15;

/** How far times of identical code may differ, as a ratio minus 1. */
export type ResolutionLookup = (
  cell: Pick<Cell, "backend" | "workload" | "machine">,
  phase: RankedPhase,
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

/** A/A pairs of a run: identical code that was measured as two cells, and whether the run can tell the two apart. */
export function identicalPairsOf(results: Pick<Results, "resolution">): { pairs: number; apart: number } {
  const { identicalPairs = [] } = results.resolution ?? {};
  const resolutions = resolutionsOf(results);
  const apart = identicalPairs.filter((pair) => {
    const resolution = resolutions(pair, "gradient");
    const [a, b] = pair.medianNs;
    return !areTied({ time: a, resolution }, { time: b, resolution });
  });
  return { pairs: identicalPairs.length, apart: apart.length };
}

/** What a run can tell apart, in a sentence. */
export function describeResolution(results: Pick<Results, "resolution">): string {
  const ratios = (results.resolution?.groups ?? [])
    .filter(({ phase }) => phase === "gradient")
    .map(({ ratio }) => ratio);
  if (ratios.length === 0) {
    return `not measured by this file; ${formatPercent(ASSUMED_RESOLUTION)} is assumed, within which times are tied`;
  }
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)].map(formatPercent);
  const { pairs, apart } = identicalPairsOf(results);
  const range = least === most ? `${least}` : `${least} to ${most}, by backend and workload`;
  const tested = pairs ? `; ${pairs - apart} of ${pairs} pairs of identical code are tied` : "";
  return `${range}: closer times are tied${tested}`;
}
