import type { Backend } from "@softmax-bench/core";
import { COMPARISONS, DTYPES } from "@softmax-bench/core";
import type { SamplingLimits } from "@softmax-bench/measure";
import { type PlannedCell, skipReason } from "./plan.js";
import type { Profile } from "./profiles.js";

/**
 * What parts of a matrix cost, in seconds of two cores of an AMD EPYC: rough, and the same on every machine, so that
 * all of them split a matrix alike.
 */

/** Nanoseconds per element, for a backend without a cost of its own. */
const USUAL_NS_PER_ELEMENT = 30;

/** Starting a process, importing a runtime, a first gradient. */
export const START_SECONDS = 1.5;

/** Making the inputs of a workload, and the oracle's gradient for them. */
export const referenceSeconds = ({ workload: { rows, classes } }: PlannedCell): number =>
  0.05 + rows * classes * 150e-9;

/** Compiling, uploading, comparing with the oracle: what a cell takes besides its sampling. */
const handlingSeconds = (elements: number): number => 0.03 + elements * 40e-9;

/** 0 for a cell that its backend cannot run, or that the profile leaves out. */
export function cellSeconds(cell: PlannedCell, profile: Profile, backend: Backend | undefined): number {
  if (!backend?.dtypes.includes(cell.dtype) || skipReason(cell, profile, backend)) return 0;
  const elements = cell.workload.rows * cell.workload.classes;
  const width = DTYPES[cell.dtype].bytes / DTYPES.float32.bytes;
  const call = elements * width * (backend.cost?.nsPerElement ?? USUAL_NS_PER_ELEMENT);
  return profile.processes * (handlingSeconds(elements) + samplingNs(call, profile) / 1e9);
}

/** As `compute` in `packages/measure` goes about it: a few calls, or all phases within their limits. */
function samplingNs(call: number, { singleShotAboveNs, singleShots, limits }: Profile): number {
  if (call > singleShotAboveNs) return (1 + singleShots) * call;
  return phaseNs(call, limits.gradient) + 3 * phaseNs(call, limits.other);
}

/** Warm-up and two windows, about. */
const phaseNs = (call: number, { windowNs, minSamples, mostWindowNs, fewestSamples }: SamplingLimits) =>
  2 * call +
  2 * Math.max(fewestSamples * call, Math.min(mostWindowNs, Math.max(windowNs, minSamples * call)));

/** Methods that are compared are measured in one run, which has both gradients to compare. */
export const comparisonOf = ({ method }: PlannedCell): string =>
  COMPARISONS.find((pair) => pair.includes(method))?.join() ?? method;
