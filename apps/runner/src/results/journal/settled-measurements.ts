import { type Phase, placeName } from "@softmax-bench/core";
import { areUndisturbed, CoreReference, type CoreTimes } from "@softmax-bench/measure";
import { median } from "@softmax-bench/stats";
import type { Measurement } from "./entries.js";

/**
 * True if a cell is measured in further passes and processes. A failed cell is not, nor one so slow that its samples are
 * too few to test for drift. Such a cell is never called the fastest, and repeating it would take most of a run's time.
 */
export const isRepeated = ({ status, sampling }: Measurement): boolean =>
  status === "ok" && sampling?.steadiness.gradient !== "untested";

/** The share of its time from which on disturbances may be the reason that a cell has not settled. */
const DISTURBED_SHARE = 0.1;

/** True if a cell was measured while the cores were disturbed: its time is not what it would have been otherwise. */
export function lackedCores({ sampling }: Measurement, reference: CoreTimes): boolean {
  if (!sampling) return false;
  const { steadiness, windowsNs = 0, disturbedNs = 0 } = sampling;
  const wasDisturbed = steadiness.gradient === "unsettled" && disturbedNs > DISTURBED_SHARE * windowsNs;
  return wasDisturbed || wereApart(sampling, reference);
}

/**
 * Returns whether the cores were further apart than those of the reference, all the time. The throughput does not tell that of them: an
 * engine may take longer to optimise the probe in one process than in another.
 */
const wereApart = ({ latencyNs }: CoreTimes, reference: CoreTimes): boolean =>
  !areUndisturbed({ latencyNs }, { latencyNs: reference.latencyNs });

/**
 * Measurements of a run in the light of all of it. Early ones were taken before it was known how near to each other cores can
 * be: those that never were as near have not settled.
 */
export function reviewed(measurements: readonly Measurement[]): Measurement[] {
  const cores = new CoreReference();
  for (const measurement of measurements) cores.add(placeName(measurement), measurement.sampling ?? {});
  const references = new Map(
    [...new Set(measurements.map(placeName))].map((place) => [place, cores.of(place)] as const),
  );
  return measurements.map((measurement) => {
    const { sampling } = measurement;
    const reference = references.get(placeName(measurement)) ?? {};
    if (!sampling || !wereApart(sampling, reference)) return measurement;
    const steadiness = Object.fromEntries(
      Object.entries(sampling.steadiness).map(([phase, state]) => [
        phase,
        state === "settled" ? "unsettled" : state,
      ]),
    );
    return { ...measurement, sampling: { ...sampling, steadiness, disturbedNs: sampling.windowsNs } };
  });
}

/** Groups measurements of one cell by process. */
export function groupByProcess(measurements: readonly Measurement[]): Measurement[][] {
  const processes = new Map<number, Measurement[]>();
  for (const measurement of measurements) {
    processes.set(measurement.round, [...(processes.get(measurement.round) ?? []), measurement]);
  }
  return [...processes.values()];
}

/**
 * The measurements that decide the time of a phase, one of each process: of those that had settled, if any had, the fastest pass.
 * What a pass may have met although it looks settled – code that waits to be optimised, threads that share a core – only
 * adds time, and seldom meets the next one.
 */
export function decidingMeasurements(measurements: readonly Measurement[], phase: Phase): Measurement[] {
  const timed = measurements.filter(({ samples }) => samples?.[phase].length);
  const settled = timed.filter(({ sampling }) => sampling?.steadiness[phase] === "settled");
  return groupByProcess(settled.length > 0 ? settled : timed).map((passes) =>
    passes.reduce((fastest, pass) => (timeOf(pass, phase) < timeOf(fastest, phase) ? pass : fastest)),
  );
}

/** The time of a phase in a measurement that has samples of it, in nanoseconds. */
export const timeOf = ({ samples }: Measurement, phase: Phase): number => median(samples?.[phase] ?? []);
