import type { Timing } from "@softmax-bench/core";
import { jointResolution } from "@softmax-bench/stats";
import { type Limits, thresholdsOf } from "./limits.js";
import { percent, type TimeComparison } from "./time.js";

/**
 * How far, in logarithms, whole runs of the same code lie apart on one machine beyond what their own replicates
 * show: a run knows its processes, not the hour (docs/methodology.md).
 */
const RUN_DRIFT = 0.06;

/** A time of one cell in one run, and how far times of identical code differ in that run, as a ratio minus 1. */
export interface TimedCell {
  readonly timing: Timing;
  readonly resolution: number;
}

/**
 * What two runs say of a time that did not take turns. The interval is what the resolutions of both and the drift between runs leave
 * open. It advises: the machine may have been another between the two, so that no difference is called a
 * regression.
 */
export function compareTimings(baseline: TimedCell, candidate: TimedCell, limits: Limits): TimeComparison {
  const { limit, floor } = thresholdsOf(limits);
  const [from, to] = [baseline.timing.medianNs, candidate.timing.medianNs];
  const halfWidth = Math.log1p(jointResolution(baseline.resolution, candidate.resolution)) + RUN_DRIFT;
  // A clock of coarse steps has times of 0, and 0 over 0 is no difference.
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
  if (low > 0 && difference >= floor) return { ...base, verdict: "slower", reason };
  if (high < 0 && difference <= -floor) return { ...base, verdict: "faster", reason };
  if (high < limit) return { ...base, verdict: "pass", reason };
  return {
    ...base,
    verdict: "inconclusive",
    reason: `${reason} do not rule out ${percent(limits.maxSlowdown)}; pnpm gate measures both in turns`,
  };
}
