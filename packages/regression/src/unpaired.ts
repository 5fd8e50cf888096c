import type { Timing } from "@softmax-bench/core";
import { type Limits, thresholdsOf } from "./limits.js";
import { percent, type TimeComparison } from "./time.js";

/**
 * How far, in logarithms, medians of processes of the same code lie apart on one machine: they range over 4 to 6 %
 * (docs/regression-gate.md). No interval from inside a run knows of it.
 */
const PROCESS_RANGE = 0.06;

/**
 * What two runs of the same machine say that did not take turns. It is far weaker than blocks: the machine may have
 * been another between the two, and no probability can be stated. The interval is from the baseline's slowest to the
 * candidate's fastest plausible median, and back.
 */
export function compareTimings(baseline: Timing, candidate: Timing, limits: Limits): TimeComparison {
  const { limit, floor } = thresholdsOf(limits);
  const [low, high] = [
    Math.log(candidate.ci95Ns[0] / baseline.ci95Ns[1]) - PROCESS_RANGE,
    Math.log(candidate.ci95Ns[1] / baseline.ci95Ns[0]) + PROCESS_RANGE,
  ];
  const base = {
    baselineNs: baseline.medianNs,
    candidateNs: candidate.medianNs,
    slowdown: candidate.medianNs / baseline.medianNs - 1,
    interval: [Math.expm1(low), Math.expm1(high)] as const,
    blocks: 0,
  };
  const reason = "two runs that did not take turns";
  if (low >= floor) return { ...base, verdict: "regression", reason };
  if (high <= -floor) return { ...base, verdict: "improvement", reason };
  if (high < limit) return { ...base, verdict: "pass", reason };
  return {
    ...base,
    verdict: "inconclusive",
    reason: `${reason} do not rule out ${percent(limits.maxSlowdown)}; pnpm gate measures both in turns`,
  };
}
