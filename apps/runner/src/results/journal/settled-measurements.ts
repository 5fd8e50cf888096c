import type { Phase } from "@softmax-bench/core";
import { median } from "@softmax-bench/stats";
import type { Measurement } from "./entries.js";

/**
 * True if a cell is measured in further passes and processes. A failed cell is not, nor one so slow that its samples are
 * too few to test for drift. Such a cell is never called the fastest, and repeating it would take most of a run's time.
 */
export const isRepeated = ({ status, sampling }: Measurement): boolean =>
  status === "ok" && sampling?.steadiness.gradient !== "untested";

/** Groups measurements of one cell by process. */
export function groupByProcess(measurements: readonly Measurement[]): Measurement[][] {
  const processes = new Map<number, Measurement[]>();
  for (const measurement of measurements) {
    processes.set(measurement.round, [...(processes.get(measurement.round) ?? []), measurement]);
  }
  return [...processes.values()];
}

/** The measurements that decide the time of a phase, by process: those that had settled, if any had. */
export function decidingMeasurements(measurements: readonly Measurement[], phase: Phase): Measurement[][] {
  const timed = measurements.filter(({ samples }) => samples?.[phase].length);
  const settled = timed.filter(({ sampling }) => sampling?.steadiness[phase] === "settled");
  return groupByProcess(settled.length > 0 ? settled : timed);
}

/** The time of a phase in one process, in nanoseconds: the median of the medians of its passes. */
export const processTime = (ofProcess: readonly Measurement[], phase: Phase): number =>
  median(ofProcess.flatMap(({ samples }) => (samples?.[phase].length ? [median(samples[phase])] : [])));
