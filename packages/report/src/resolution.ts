import { ASSUMED_RESOLUTION, type Results } from "@softmax-bench/core";
import { areTied } from "@softmax-bench/stats";
import { formatPercent } from "./format.js";

/**
 * A/A pairs of a run: identical code measured as two cells, and whether the run distinguishes the two. Each is tested by
 * the resolution without it, since any pair is within a resolution that is made from it; files without that have no tests.
 */
function countIdenticalPairs(results: Pick<Results, "resolution">): { pairs: number; apart: number } {
  const tested = (results.resolution?.identicalPairs ?? []).filter(
    ({ ratioOfOthers }) => ratioOfOthers !== undefined,
  );
  const apart = tested.filter(
    ({ medianNs: [a, b], ratioOfOthers: resolution }) =>
      !areTied({ time: a, resolution }, { time: b, resolution }),
  );
  return { pairs: tested.length, apart: apart.length };
}

/** Describes the differences that a run can distinguish, in a sentence. */
export function describeResolution(results: Pick<Results, "resolution">): string {
  const ratios = (results.resolution?.groups ?? [])
    .filter(({ phase }) => phase === "gradient")
    .map(({ ratio }) => ratio);
  if (ratios.length === 0) {
    return `not measured by this file; ${formatPercent(ASSUMED_RESOLUTION)} is assumed, within which times are tied`;
  }
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)].map(formatPercent);
  const { pairs, apart } = countIdenticalPairs(results);
  const range = least === most ? `${least}` : `${least} to ${most}, by backend and workload`;
  const tested = pairs
    ? `; pairs of identical code, each tested by the other replicates: ${pairs - apart} of ${pairs} tied`
    : "";
  return `${range}: closer times are tied${tested}`;
}
