import type { Timing } from "@softmax-bench/core";
import { jointResolution } from "@softmax-bench/stats";
import { type Limits, toThresholds } from "./limits.js";
import { percent, type TimeComparison } from "./time.js";

/**
 * The drift, in logarithms, between whole runs of the same code on one machine beyond what their own replicates show: a
 * run samples its processes, but only one hour (docs/methodology.md).
 */
const RUN_DRIFT = 0.06;

/** A cell's time in one run, and the difference between times of identical code in that run, as a ratio minus 1. */
export interface TimedCell {
  readonly timing: Timing;
  readonly resolution: number;
}

/**
 * Compares two runs' times that were not measured in turns. The interval covers the resolutions of both and the drift
 * between runs. It only advises: the machine may have changed between the two, so no difference is called a regression.
 * Nothing is concluded from times that had not settled, or from a process with too few samples to tell.
 */
export function compareTimings(baseline: TimedCell, candidate: TimedCell, limits: Limits): TimeComparison {
  const { limit, floor } = toThresholds(limits);
  const [from, to] = [baseline.timing.medianNs, candidate.timing.medianNs];
  const halfWidth = Math.log1p(jointResolution(baseline.resolution, candidate.resolution)) + RUN_DRIFT;
  // A coarse clock reports times of 0, and 0 over 0 is no difference.
  const ratio = from === to ? 1 : to / from;
  const difference = Math.log(ratio);
  const [low, high] = [difference - halfWidth, difference + halfWidth];
  const base = {
    baselineNs: from,
    candidateNs: to,
    slowdown: ratio - 1,
    interval: [Math.expm1(low), Math.expm1(high)] as const,
    blocks: 0,
  };
  const reason = "two runs that did not take turns";
  const doubt = findDoubt("baseline", baseline) ?? findDoubt("candidate", candidate);
  if (doubt) return { ...base, verdict: "inconclusive", reason: doubt };
  if (low > 0 && difference >= floor) return { ...base, verdict: "slower", reason };
  if (high < 0 && difference <= -floor) return { ...base, verdict: "faster", reason };
  if (high < limit) return { ...base, verdict: "pass", reason };
  return {
    ...base,
    verdict: "inconclusive",
    reason: `${reason} do not rule out ${percent(limits.maxSlowdown)}; the command gate measures both in turns`,
  };
}

/**
 * The reason why nothing can be concluded from a time; undefined if there is none. Untested times over several processes
 * count: these show their noise.
 */
function findDoubt(side: string, { timing: { steadiness, scope } }: TimedCell): string | undefined {
  if (steadiness === "unsettled") return `the times of the ${side} had not settled`;
  if (steadiness !== "untested" || scope === "processes") return undefined;
  return `the ${side} has too few samples to tell whether its times had settled; --profile full takes more`;
}
