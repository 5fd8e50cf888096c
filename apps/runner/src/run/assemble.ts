import {
  type BackendRecord,
  type Cell,
  COMPARISONS,
  cellKey,
  findWorkload,
  type HostRecord,
  type MethodId,
  type Noise,
  PHASES,
  type Phase,
  type Place,
  type Results,
  type Steadiness,
  type Timing,
} from "@softmax-bench/core";
import { median, summarize } from "@softmax-bench/stats";
import { resolutionSection } from "../experiments/cells/resolution.js";
import type { Experiment, ExperimentResult } from "../experiments/experiment.js";
import { placesOfRun } from "../plan/place-names.js";
import { keyOf, type Plan, type PlannedCell } from "../plan/plan.js";
import { PROFILES } from "../plan/profiles.js";
import { combineBackends, sumByPurpose } from "../results/combine.js";
import { type Entry, type Header, type Measurement, resultKey } from "../results/journal/entries.js";
import { decidingMeasurements, isRepeated } from "../results/journal/measurements.js";

/**
 * Assembles results from a journal. Measurements of a cell in several processes become one cell.
 *
 * @param ofRun the experiments of the run
 */
export function assemble(
  header: Header,
  entries: readonly Entry[],
  plan: Plan,
  ofRun: readonly Experiment[],
): Results {
  const { cells: planned } = plan;
  const { processes } = PROFILES[header.profile];
  const found = new Map(entries.map((entry) => [resultKey(entry), entry]));
  const all = [...found.values()].filter((entry) => entry.type === "cell");
  const measurements = groupByCell(all.filter(({ twin }) => !twin));
  const twins = groupByCell(all.filter(({ twin }) => twin));
  const replicated = planned.flatMap((cell) => {
    const own = measurements.get(keyOf(cell)) ?? [];
    const isFinished = own.length >= processes || own.some((measurement) => !isRepeated(measurement));
    return isFinished ? [{ cell: toCell(own), own, twin: twins.get(keyOf(cell)) ?? [] }] : [];
  });
  const finished = replicated.map(({ cell }) => cell);
  const experiments = ofRun.map((experiment) => assembleSection(experiment, plan, found));
  const sections: Partial<Results> = Object.assign({}, ...experiments.map(({ section }) => section));
  const resolution = resolutionSection(replicated);
  const noise = noiseSection(entries);
  const hosts = hostRecords(entries);
  const complete = finished.length === planned.length && experiments.every(({ isComplete }) => isComplete);
  const medians = new Map(finished.map((cell) => [cellKey(cell), cell.timing?.gradient?.medianNs]));
  return {
    schemaVersion: 1,
    run: {
      id: header.id,
      startedAt: header.startedAt,
      finishedAt: notBefore(header.startedAt),
      profile: header.profile,
      ...(header.command ? { command: header.command } : {}),
      argv: header.argv,
      commit: header.commit,
      version: header.version,
      plan: header.plan,
      ...(header.shard ? { shard: header.shard } : {}),
      ...(header.branch === undefined ? {} : { branch: header.branch }),
      seed: header.seed,
      status: complete ? "complete" : "interrupted",
      cellsPlanned: planned.length,
      wallNs: totalSpent(entries),
      ...(finished.length > 0 ? { processes: median(replicated.map(({ own }) => own.length)) | 0 || 1 } : {}),
    },
    environment: header.environment,
    ...(hosts.length > 0 ? { hosts } : {}),
    workloads: header.workloads.flatMap((id) => findWorkload(id) ?? []),
    backends: placesOfRun(header).flatMap((place) => toBackendRecords(place, entries)),
    cells: finished,
    distances: latestDistances(entries, planned).map(({ type: _, ...distance }) => {
      const manual = medians.get(cellKey({ ...distance, method: distance.a }));
      const autograd = medians.get(cellKey({ ...distance, method: distance.b }));
      return manual && autograd ? { ...distance, speedup: autograd / manual } : distance;
    }),
    ...(resolution ? { resolution } : {}),
    ...(noise ? { noise } : {}),
    ...sections,
  };
}

/** An experiment's part of the results, and whether it is complete. */
function assembleSection(
  experiment: Experiment,
  plan: Plan,
  found: ReadonlyMap<string | undefined, Entry>,
): { readonly section: Partial<Results>; readonly isComplete: boolean } {
  const planned = experiment.plannedWork(plan);
  const results = planned.flatMap((work) => {
    const entry = found.get(experiment.key(work));
    if (entry?.type !== experiment.type) return [];
    const { type: _, ...result } = entry;
    return [result as ExperimentResult];
  });
  return { section: experiment.section(results), isComplete: results.length === planned.length };
}

type EntryOf<Type extends Entry["type"]> = Extract<Entry, { type: Type }>;

/**
 * Distances between planned cells, each once and in the order of the plan. Processes take them in their own order,
 * and cells with damaged lines in the journal were compared again.
 */
function latestDistances(entries: readonly Entry[], planned: Plan["cells"]): EntryOf<"distance">[] {
  const keyOfPair = (a: PlannedCell, b: string) => keyOf({ ...a, method: `${a.method} ${b}` as MethodId });
  const latest = new Map<string, EntryOf<"distance">>();
  for (const entry of entries) {
    if (entry.type !== "distance") continue;
    latest.set(cellKey({ ...entry, method: `${entry.a} ${entry.b}` }), entry);
  }
  const keys = new Set(planned.map(keyOf));
  return planned.flatMap((cell) =>
    COMPARISONS.filter(([a, b]) => a === cell.method && keys.has(keyOf({ ...cell, method: b }))).flatMap(
      ([, b]) => latest.get(keyOfPair(cell, b)) ?? [],
    ),
  );
}

function groupByCell(measurements: readonly Measurement[]): Map<string, Measurement[]> {
  const groups = new Map<string, Measurement[]>();
  for (const measurement of measurements) {
    const group = groups.get(cellKey(measurement));
    if (group) group.push(measurement);
    else groups.set(cellKey(measurement), [measurement]);
  }
  return groups;
}

/** Other activity of the machine, over all processes of the run. */
function noiseSection(entries: readonly Entry[]): Noise | undefined {
  const states = entries.filter((entry) => entry.type === "machine");
  const [first, ...others] = states;
  if (!first) return undefined;
  const last = others.at(-1)?.when === "after" ? others.pop() : undefined;
  const disturbed = disturbedShare(entries.flatMap((entry) => (entry.type === "cell" ? [entry] : [])));
  return {
    before: first.state,
    during: others.map(({ state }) => state),
    ...(last ? { after: last.state } : {}),
    ...(disturbed === undefined ? {} : { disturbed }),
  };
}

/** Share of the sampling time in which another process used the processor core too. */
function disturbedShare(measurements: readonly Measurement[]): number | undefined {
  const sum = (part: "windowsNs" | "disturbedNs") =>
    measurements.reduce((total, { sampling }) => total + (sampling?.[part] ?? 0), 0);
  const windowsNs = sum("windowsNs");
  return windowsNs > 0 ? sum("disturbedNs") / windowsNs : undefined;
}

/** The measurement that represents the cell: one with a failure, otherwise the least accurate one. */
function decisiveMeasurement(measurements: readonly Measurement[]): Measurement {
  const error = ({ accuracy }: Measurement) => accuracy?.gradient.relL2 ?? 0;
  return (
    measurements.find(({ status }) => status !== "ok") ??
    measurements.reduce((worst, next) => (error(next) > error(worst) ? next : worst))
  );
}

function toCell(measurements: readonly Measurement[]): Cell {
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

function toTiming(measurements: readonly Measurement[]): NonNullable<Cell["timing"]> {
  const timing: Partial<Record<Phase, Timing>> = {};
  for (const phase of PHASES) {
    const timed = decidingMeasurements(measurements, phase);
    const perProcess = timed.flatMap(({ samples }) => (samples ? [samples[phase]] : []));
    if (perProcess.length === 0) continue;
    const callsPerSample = timed.map(({ sampling }) => sampling?.callsPerSample[phase] ?? 1);
    const isDerived = phase === "readback" && measurements.some(({ readback }) => readback === "recomputes");
    timing[phase] = {
      ...timingOver(perProcess),
      ...(callsPerSample.some((calls) => calls > 1) ? { callsPerSample } : {}),
      steadiness: commonSteadiness(timed.map(({ sampling }) => sampling?.steadiness[phase])),
      ...(isDerived ? { derived: "difference" } : {}),
    };
  }
  return timing;
}

/** The common state of measurements that decide together: all of them had settled, or none. */
const commonSteadiness = (perProcess: readonly (Steadiness | undefined)[]): Steadiness =>
  (["settled", "unsettled"] as const).find((one) => perProcess.includes(one)) ?? "untested";

/** The observations are process medians if there are several processes, otherwise the samples of the one. */
function timingOver(perProcess: readonly (readonly number[])[]): Timing {
  const samples = perProcess.flat();
  const several = perProcess.length > 1;
  const processMedians = perProcess.map((ofOne) => median(ofOne));
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

function toBackendRecords(place: Place, entries: readonly Entry[]): BackendRecord[] {
  const records = entries.flatMap((entry) =>
    entry.type === "backend" && entry.id === place.backend && entry.host === place.host ? [entry] : [],
  );
  return combineBackends(records.map(({ type: _, ...record }) => record));
}

/** The hosts of a run, each in its latest state. */
function hostRecords(entries: readonly Entry[]): HostRecord[] {
  const records = entries.flatMap((entry) => (entry.type === "host" ? [entry] : []));
  return [...new Map(records.map(({ type: _, ...record }) => [record.id, record])).values()];
}

const totalSpent = (entries: readonly Entry[]): Record<string, number> =>
  sumByPurpose(entries.flatMap((entry) => (entry.type === "spent" ? [entry.wallNs] : [])));

/** The present time, or the given one if the clock was set back: no run ends before it begins. */
const notBefore = (startedAt: string): string =>
  new Date(Math.max(Date.now(), Date.parse(startedAt))).toISOString();
