import type { Phase } from "@softmax-bench/core";
import type { Measurement } from "./entries.js";

/**
 * True if a cell is measured in further processes. A failed cell is not, nor one so slow that its samples are too few
 * to test for drift. Such a cell is never called the fastest, and repeating it would take most of a run's time.
 */
export const isRepeated = ({ status, sampling }: Measurement): boolean =>
  status === "ok" && sampling?.steadiness.gradient !== "untested";

/** The measurements that decide the time of a phase: those that had settled, if any had. */
export function decidingMeasurements(measurements: readonly Measurement[], phase: Phase): Measurement[] {
  const timed = measurements.filter(({ samples }) => samples?.[phase].length);
  const settled = timed.filter(({ sampling }) => sampling?.steadiness[phase] === "settled");
  return settled.length > 0 ? settled : timed;
}
