import { ASSUMED_RESOLUTION, type Cell, placeName, type Resolution } from "@softmax-bench/core";
import { estimateResolution, median } from "@softmax-bench/stats";
import type { Measurement } from "../../results/journal/entries.js";
import { decidingMeasurements, timeOf } from "../../results/journal/settled-measurements.js";

type RankedPhase = Resolution["groups"][number]["phase"];
const RANKED_PHASES: readonly RankedPhase[] = ["gradient", "roundtrip"];

/** Measurements of one cell in passes of successive processes, and those of its twin, if it has one. */
export interface Replicated {
  readonly cell: Cell;
  readonly own: readonly Measurement[];
  readonly twin: readonly Measurement[];
}

/** The difference between times of identical code in a run, by place and workload; undefined without data. */
export function resolutionSection(replicated: readonly Replicated[]): Resolution | undefined {
  const groups = new Map<string, Replicated[]>();
  for (const one of replicated) {
    const { workload, status } = one.cell;
    if (status !== "ok") continue;
    const key = `${placeName(one.cell)} ${workload}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  const resolved = [...groups.values()].flatMap((group) =>
    RANKED_PHASES.flatMap((phase) => groupResolution(group, phase) ?? []),
  );
  const identicalPairs = [...groups.values()].flatMap((group) =>
    group.flatMap((one) => describePair(one, group) ?? []),
  );
  return resolved.length > 0 ? { groups: resolved, identicalPairs } : undefined;
}

/** A cell and its twin, with the resolution that the other replicates of the group give: a test of that resolution. */
function describePair(
  one: Replicated,
  group: readonly Replicated[],
): Resolution["identicalPairs"][number] | undefined {
  const medianNs = pairMedians(one, "gradient");
  if (!medianNs) return undefined;
  const isTest = isSettled(one.own, "gradient") && isSettled(one.twin, "gradient");
  const others = group.map((other) => (other === one ? { ...one, twin: [] } : other));
  const ratioOfOthers = isTest ? estimateResolution(toReplicates(others, "gradient")) : undefined;
  const { backend, host, method, dtype, workload } = one.cell;
  return { backend, host, method, dtype, workload, medianNs, ratioOfOthers };
}

function groupResolution(
  group: readonly Replicated[],
  phase: RankedPhase,
): Resolution["groups"][number] | undefined {
  const replicates = toReplicates(group, phase);
  const { processTimes, processes } = replicates;
  const ratio = estimateResolution(replicates);
  const [first] = group;
  if (ratio === undefined || !first) return undefined;
  const { backend, host, workload } = first.cell;
  const counts = [...new Set(processTimes.map(({ length }) => length))].sort((a, b) => a - b);
  const byProcesses = counts.flatMap((count) => {
    const ratioOfCount = estimateResolution({ ...replicates, processes: count });
    return ratioOfCount === undefined ? [] : [{ processes: count, ratio: ratioOfCount }];
  });
  return { backend, host, workload, phase, ratio, processes, byProcesses };
}

/**
 * The replicates of a group: those that had settled, unless none had. The resolution is what is claimed of settled times;
 * others are not called the fastest, and most of them are too slow to be measured again.
 */
function toReplicates(all: readonly Replicated[], phase: RankedPhase) {
  const settled = all.flatMap(({ own, twin, ...one }) =>
    isSettled(own, phase) ? [{ ...one, own, twin: isSettled(twin, phase) ? twin : [] }] : [],
  );
  const group = settled.length > 0 ? settled : all;
  const processTimes = group.map(({ own }) => medianTimes(own, phase)).filter(({ length }) => length > 0);
  return {
    processTimes,
    processes: Math.min(...processTimes.map(({ length }) => length)),
    pairs: group.flatMap((one) => {
      const pair = pairMedians(one, phase);
      return pair ? [pair] : [];
    }),
    assumed: ASSUMED_RESOLUTION,
  };
}

const isSettled = (measurements: readonly Measurement[], phase: RankedPhase): boolean =>
  measurements.some(({ sampling }) => sampling?.steadiness[phase] === "settled");

/** Medians of the cell and of its twin, over the processes that decide the time of both. */
function pairMedians({ own, twin }: Replicated, phase: RankedPhase): [number, number] | undefined {
  const [times, twins] = [timesByProcess(own, phase), timesByProcess(twin, phase)];
  const common = [...times.keys()].filter((round) => twins.has(round));
  const medianOf = (of: ReadonlyMap<number, number>) =>
    median(common.map((round) => of.get(round) as number));
  return common.length > 0 ? [medianOf(times), medianOf(twins)] : undefined;
}

const medianTimes = (measurements: readonly Measurement[], phase: RankedPhase): number[] => [
  ...timesByProcess(measurements, phase).values(),
];

/** The time of each process by its number, if above 0: a phase that is a difference may be 0, which has no ratio. */
const timesByProcess = (measurements: readonly Measurement[], phase: RankedPhase): Map<number, number> =>
  new Map(
    decidingMeasurements(measurements, phase).flatMap((measurement) => {
      const time = timeOf(measurement, phase);
      return time > 0 ? [[measurement.round, time] as const] : [];
    }),
  );
