import type { Phase } from "@softmax-bench/core";
import type { Measurement } from "./entries.js";

/**
 * Whether a cell is measured in further processes: not if it did not work, nor if it is so slow that its samples are too few to be
 * tested for drift. Such a cell is called the fastest by nobody, and repeating it would take most of a run's time.
 */
export const isRepeated = ({ status, sampling }: Measurement): boolean =>
  status === "ok" && sampling?.steadiness.gradient !== "untested";

/** The measurements that decide the time of a phase: those that had settled, if any had. */
export function decidingMeasurements(measurements: readonly Measurement[], phase: Phase): Measurement[] {
  const timed = measurements.filter(({ samples }) => samples?.[phase].length);
  const settled = timed.filter(({ sampling }) => sampling?.steadiness[phase] === "settled");
  return settled.length > 0 ? settled : timed;
}
