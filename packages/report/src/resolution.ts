import { type Results, resolutionLookup } from "@softmax-bench/core";
import { areTied } from "@softmax-bench/stats";
import { formatPercent } from "./format.js";

/** A/A pairs of a run: identical code measured as two cells, and whether the run distinguishes the two. */
function countIdenticalPairs(results: Pick<Results, "resolution">): { pairs: number; apart: number } {
  const { identicalPairs = [] } = results.resolution ?? {};
  const resolutions = resolutionLookup(results);
  const apart = identicalPairs.filter((pair) => {
    const resolution = resolutions(pair, "gradient");
    const [a, b] = pair.medianNs;
    return !areTied({ time: a, resolution }, { time: b, resolution });
  });
  return { pairs: identicalPairs.length, apart: apart.length };
}

/** Describes the differences that a run can distinguish, in a sentence. */
export function describeResolution(results: Pick<Results, "resolution">): string {
  const ratios = (results.resolution?.groups ?? [])
    .filter(({ phase }) => phase === "gradient")
    .map(({ ratio }) => ratio);
  if (ratios.length === 0) {
    const assumed = resolutionLookup({})({ backend: "", workload: "" }, "gradient");
    return `not measured by this file; ${formatPercent(assumed)} is assumed, within which times are tied`;
  }
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)].map(formatPercent);
  const { pairs, apart } = countIdenticalPairs(results);
  const range = least === most ? `${least}` : `${least} to ${most}, by backend and workload`;
  const tested = pairs ? `; ${pairs - apart} of ${pairs} pairs of identical code are tied` : "";
  return `${range}: closer times are tied${tested}`;
}
