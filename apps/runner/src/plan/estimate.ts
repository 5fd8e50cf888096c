import type { Backend } from "@softmax-bench/core";
import { COMPARISONS, DTYPES } from "@softmax-bench/core";
import type { SamplingLimits } from "@softmax-bench/measure";
import { type PlannedCell, skipReason } from "./plan.js";
import type { Profile } from "./profiles.js";

/**
 * Costs of the parts of a matrix, in seconds of two cores of an AMD EPYC: rough, and the same on every machine, so that
 * all machines split a matrix alike.
 */

/** Nanoseconds per element, for a backend without a cost of its own. */
const USUAL_NS_PER_ELEMENT = 30;

/** Time to start a process, import a runtime and compute a first gradient. */
export const START_SECONDS = 1.5;

/** Time to start a process of a run, and for it to warm up. */
export const processSeconds = ({ limits }: Profile): number => START_SECONDS + limits.gradient.warmUpNs / 1e9;

/** Time to make a workload's inputs and the oracle's gradient for them. */
export const referenceSeconds = ({ workload: { rows, classes } }: PlannedCell): number =>
  0.05 + rows * classes * 150e-9;

/** Time of a cell besides its sampling: compiling, uploading, comparing with the oracle. */
const handlingSeconds = (elements: number): number => 0.03 + elements * 40e-9;

/** Seconds of a cell; 0 if its backend cannot run it, or if the profile leaves it out. */
export function cellSeconds(cell: PlannedCell, profile: Profile, backend: Backend | undefined): number {
  if (!backend?.dtypes.includes(cell.dtype) || skipReason(cell, profile, backend)) return 0;
  const elements = cell.workload.rows * cell.workload.classes;
  const width = DTYPES[cell.dtype].bytes / DTYPES.float32.bytes;
  const call = elements * width * (backend.cost?.nsPerElement ?? USUAL_NS_PER_ELEMENT);
  return profile.processes * (handlingSeconds(elements) + samplingNs(call, profile) / 1e9);
}

/** The sampling time of `compute` in `packages/measure`: a few calls, or all phases within their limits. */
function samplingNs(call: number, { singleShotAboveNs, singleShots, limits, passes }: Profile): number {
  if (singleShotAboveNs !== undefined && call > singleShotAboveNs) return (1 + singleShots) * call;
  const other = phaseNs(call, limits.other);
  return other + passes * (phaseNs(call, limits.gradient) + 2 * other);
}

/** About the time of warm-up and two windows. */
const phaseNs = (call: number, { windowNs, minSamples, mostWindowNs, fewestSamples }: SamplingLimits) =>
  2 * call +
  2 * Math.max(fewestSamples * call, Math.min(mostWindowNs, Math.max(windowNs, minSamples * call)));

/** The comparison of a cell. Compared methods are measured in one run, which needs both gradients. */
export const comparisonKey = ({ method }: PlannedCell): string =>
  COMPARISONS.find((pair) => pair.includes(method))?.join() ?? method;
