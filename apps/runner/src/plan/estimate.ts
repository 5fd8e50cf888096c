import type { FloatDType } from "@softmax-bench/core";
import { COMPARISONS, DTYPES } from "@softmax-bench/core";
import type { SamplingLimits } from "@softmax-bench/measure";
import { leftOut, type PlannedCell } from "./plan.js";
import type { Profile } from "./profiles.js";

/**
 * What parts of a matrix cost, in seconds of two cores of an AMD EPYC: rough, and the same on every machine, so that
 * all of them split a matrix alike.
 */

/** Nanoseconds per element of a large float32 gradient, about the median over methods (`pnpm bench`, 2026-11-25). */
const NS_PER_ELEMENT: Readonly<Record<string, number>> = {
  "tfjs-wasm": 40,
  "tfjs-node-gpu": 15,
  "tfjs-cpu": 300,
  "onnxruntime-cpu": 5,
  "onnxruntime-cuda": 1,
  "onnxruntime-webgpu": 150,
  "onnxruntime-web": 8,
  "jax-js": 15,
  "wasm-simd": 2,
};

/** For a backend that the table does not have yet. */
const NS_PER_ELEMENT_ELSEWHERE = 30;

/** Starting a process, importing a runtime, a first gradient. */
export const START_SECONDS = 1.5;

/** Making the inputs of a workload, and the oracle's gradient for them. */
export const referenceSeconds = ({ workload: { rows, classes } }: PlannedCell): number =>
  0.05 + rows * classes * 150e-9;

/** Compiling, uploading, comparing with the oracle: what a cell takes besides its sampling. */
const handlingSeconds = (elements: number): number => 0.03 + elements * 40e-9;

/** @param dtypes that the backend has; a cell of another one takes no time */
export function cellSeconds(cell: PlannedCell, profile: Profile, dtypes: readonly FloatDType[]): number {
  if (!dtypes.includes(cell.dtype) || leftOut(cell, profile)) return 0;
  const elements = cell.workload.rows * cell.workload.classes;
  const width = DTYPES[cell.dtype].bytes / DTYPES.float32.bytes;
  const call = elements * width * (NS_PER_ELEMENT[cell.backend] ?? NS_PER_ELEMENT_ELSEWHERE);
  return profile.processes * (handlingSeconds(elements) + samplingNs(call, profile) / 1e9);
}

/** As `worker/compute.ts` goes about it: a few calls, or all phases within their limits. */
function samplingNs(call: number, { slowNs, slowSamples, limits }: Profile): number {
  if (call > slowNs) return (1 + slowSamples) * call;
  return phaseNs(call, limits.gradient) + 3 * phaseNs(call, limits.other);
}

/** Warm-up and two windows, about. */
const phaseNs = (call: number, { windowNs, minSamples, capNs, floorSamples }: SamplingLimits) =>
  2 * call + 2 * Math.max(floorSamples * call, Math.min(capNs, Math.max(windowNs, minSamples * call)));

/** Methods that are compared are measured in one run, which has both gradients to compare. */
export const comparisonOf = ({ method }: PlannedCell): string =>
  COMPARISONS.find((pair) => pair.includes(method))?.join() ?? method;
