import { type Cell, PHASES, type Phase, type Steadiness, type Timing } from "@softmax-bench/core";
import { summarize } from "@softmax-bench/stats";
import type { Measurement } from "../results/journal/entries.js";
import { decidingMeasurements, timeOf } from "../results/journal/settled-measurements.js";

/**
 * One cell from its measurements in several processes: times from those that had settled, if any had; everything else
 * from a failed one, otherwise from the least accurate.
 */
export function combineProcesses(measurements: readonly Measurement[]): Cell {
  const decisive = decisiveMeasurement(measurements);
  const { backend, host, method, dtype, workload, status, reason, note, loss, accuracy, gradientDigest } =
    decisive;
  const digests = new Set(measurements.map((measurement) => measurement.gradientDigest));
  return {
    backend,
    host,
    method,
    dtype,
    workload,
    status,
    ...(reason ? { reason } : {}),
    ...(note ? { note } : {}),
    ...(status === "ok" ? { timing: toTiming(measurements) } : {}),
    ...(loss === undefined ? {} : { loss }),
    ...(accuracy ? { accuracy } : {}),
    ...(gradientDigest ? { gradientDigest } : {}),
    ...(status === "ok" && digests.size > 1 ? { nondeterministic: true } : {}),
  };
}

/** The measurement that represents the cell: one with a failure, otherwise the least accurate one. */
function decisiveMeasurement(measurements: readonly Measurement[]): Measurement {
  const error = ({ accuracy }: Measurement) => accuracy?.gradient.relL2 ?? 0;
  return (
    measurements.find(({ status }) => status !== "ok") ??
    measurements.reduce((worst, next) => (error(next) > error(worst) ? next : worst))
  );
}

function toTiming(measurements: readonly Measurement[]): NonNullable<Cell["timing"]> {
  const timing: Partial<Record<Phase, Timing>> = {};
  for (const phase of PHASES) {
    const processes = decidingMeasurements(measurements, phase);
    if (processes.length === 0) continue;
    const callsPerSample = processes.map(({ sampling }) => sampling?.callsPerSample[phase] ?? 1);
    const isDerived = phase === "readback" && measurements.some(({ readback }) => readback === "recomputes");
    timing[phase] = {
      ...timingOver(processes, phase),
      ...(callsPerSample.some((calls) => calls > 1) ? { callsPerSample } : {}),
      steadiness: commonSteadiness(processes.map(({ sampling }) => sampling?.steadiness[phase])),
      ...(isDerived ? { derived: "difference" } : {}),
    };
  }
  return timing;
}

/** The common state of measurements that decide together: all of them had settled, or none. */
const commonSteadiness = (states: readonly (Steadiness | undefined)[]): Steadiness =>
  (["settled", "unsettled"] as const).find((one) => states.includes(one)) ?? "untested";

/** The observations are process medians if there are several processes, otherwise the samples of the one. */
function timingOver(processes: readonly Measurement[], phase: Phase): Timing {
  const samples = processes.flatMap((measurement) => measurement.samples?.[phase] ?? []);
  const several = processes.length > 1;
  const processMedians = processes.map((measurement) => timeOf(measurement, phase));
  const observations = several ? processMedians : samples;
  const { median: medianNs, mad: madNs, low, high, coverage } = summarize(observations);
  return {
    medianNs,
    madNs,
    n: observations.length,
    ...(coverage >= 0.95 ? { ci95Ns: [low, high] as [number, number] } : {}),
    coverage,
    samples,
    scope: several ? "processes" : "process",
    ...(several ? { processMedians } : {}),
  };
}
