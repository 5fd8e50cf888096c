import {
  type BackendRecord,
  COMPARISONS,
  cellKey,
  findWorkload,
  type HostRecord,
  type MethodId,
  type Noise,
  type Place,
  type Results,
} from "@softmax-bench/core";
import { median } from "@softmax-bench/stats";
import { resolutionSection } from "../experiments/cells/resolution.js";
import type { Experiment, ExperimentResult } from "../experiments/experiment.js";
import { placesOfRun } from "../plan/place-names.js";
import { keyOf, type Plan, type PlannedCell } from "../plan/plan.js";
import { PROFILES } from "../plan/profiles.js";
import { combineBackends, sumByPurpose } from "../results/combine.js";
import { type Entry, type Header, type Measurement, resultKey } from "../results/journal/entries.js";
import { groupByProcess, isRepeated, reviewed } from "../results/journal/settled-measurements.js";
import { combineProcesses } from "./combine-processes.js";

/**
 * Assembles results from a journal. Measurements of a cell in several processes become one cell; an interrupted run includes cells that
 * lack some of their processes.
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
  const all = reviewed([...found.values()].filter((entry) => entry.type === "cell"));
  const measurements = groupByCell(all.filter(({ twin }) => !twin));
  const twins = groupByCell(all.filter(({ twin }) => twin));
  const replicated = planned.flatMap((cell) => {
    const own = measurements.get(keyOf(cell)) ?? [];
    if (own.length === 0) return [];
    const isFinished = own.some((one) => !isRepeated(one)) || groupByProcess(own).length >= processes;
    const combined = combineProcesses(own);
    return [
      {
        cell: isFinished ? combined : { ...combined, unfinished: true as const },
        own,
        twin: twins.get(keyOf(cell)) ?? [],
      },
    ];
  });
  const cells = replicated.map(({ cell }) => cell);
  const finished = cells.filter(({ unfinished }) => !unfinished);
  const experiments = ofRun.map((experiment) => assembleSection(experiment, plan, found));
  const sections: Partial<Results> = Object.assign({}, ...experiments.map(({ section }) => section));
  const resolution = resolutionSection(replicated);
  const noise = noiseSection(entries, all);
  const hosts = hostRecords(entries);
  const complete = finished.length === planned.length && experiments.every(({ isComplete }) => isComplete);
  const medians = new Map(cells.map((cell) => [cellKey(cell), cell.timing?.gradient?.medianNs]));
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
      ...(cells.length > 0 ? { processes: usualProcesses(replicated.map(({ own }) => own)) } : {}),
    },
    environment: header.environment,
    ...(hosts.length > 0 ? { hosts } : {}),
    workloads: header.workloads.flatMap((id) => findWorkload(id) ?? []),
    backends: placesOfRun(header).flatMap((place) => toBackendRecords(place, entries)),
    cells,
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

/** The number of processes that most cells were measured in. A cell that cannot run needs one to say so, and does not count. */
function usualProcesses(cells: readonly (readonly Measurement[])[]): number {
  const measured = cells.filter((own) => own.some(({ status }) => status === "ok"));
  return measured.length > 0 ? Math.floor(median(measured.map((own) => groupByProcess(own).length))) : 1;
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
function noiseSection(entries: readonly Entry[], measurements: readonly Measurement[]): Noise | undefined {
  const states = entries.filter((entry) => entry.type === "machine");
  const [first, ...others] = states;
  if (!first) return undefined;
  const last = others.at(-1)?.when === "after" ? others.pop() : undefined;
  const disturbed = disturbedShare(measurements);
  return {
    before: first.state,
    during: others.map(({ state }) => state),
    ...(last ? { after: last.state } : {}),
    ...(disturbed === undefined ? {} : { disturbed }),
  };
}

/** Share of the sampling time in which the cores were disturbed. */
function disturbedShare(measurements: readonly Measurement[]): number | undefined {
  const sum = (part: "windowsNs" | "disturbedNs") =>
    measurements.reduce((total, { sampling }) => total + (sampling?.[part] ?? 0), 0);
  const windowsNs = sum("windowsNs");
  return windowsNs > 0 ? sum("disturbedNs") / windowsNs : undefined;
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
