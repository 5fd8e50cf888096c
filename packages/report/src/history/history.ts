import { plural } from "@softmax-bench/core";
import {
  type Change,
  collectSeries,
  findSharedChanges,
  type HistoryRun,
  type SharedChange,
  type TrackedSeries,
  trackChanges,
} from "@softmax-bench/regression";
import { FEWEST_TO_SPLIT } from "@softmax-bench/stats";
import { formatDuration, formatError } from "../format.js";

/** The series of a branch, with their changes. */
export interface History {
  readonly branch: string;
  readonly series: readonly TrackedSeries[];
}

/** A change with its series. */
export interface Finding {
  readonly series: TrackedSeries;
  readonly change: Change;
}

/** Finds the changes over the runs of a branch. */
export const trackRuns = (branch: string, runs: readonly HistoryRun[], reference?: string): History => ({
  branch,
  series: trackChanges(collectSeries(runs, reference)),
});

/** All changes of one verdict, the largest first. */
export function findings(series: readonly TrackedSeries[], verdict: Change["verdict"]): Finding[] {
  const magnitude = ({ change }: Finding) => Math.abs(Math.log1p(Math.max(-1, change.size)));
  return series
    .flatMap((each) => each.changes.map((change) => ({ series: each, change })))
    .filter(({ change }) => change.verdict === verdict)
    .sort((a, b) => magnitude(b) - magnitude(a));
}

/** A line for each change that most ratios to a reference share. */
export const describeShared = (series: readonly TrackedSeries[]): string[] =>
  findSharedChanges(series).map(describeSharedChange);

/** `14 of 16 ratios to … improved together at 1f3a…..8be0… (default): the reference may have become slower` */
function describeSharedChange({ profile, reference, change, changed, ratios }: SharedChange): string {
  const [done, cause] = change.verdict === "improvement" ? ["improved", "slower"] : ["got worse", "faster"];
  const commits = `${originOf(change.lastBefore)}..${originOf(change.firstAfter)}`;
  return `${changed} of ${ratios} ratios to ${reference} ${done} together at ${commits} (${profile}): the reference may have become ${cause}`;
}

/** `7 series flat, 2 too short: fewer than 12 runs` */
export function describeRest(series: readonly TrackedSeries[]): string {
  const count = (state: TrackedSeries["state"]) => series.filter((each) => each.state === state).length;
  const [flat, short] = [count("flat"), count("short")];
  const tooShort = short ? `, ${short} too short: fewer than ${FEWEST_TO_SPLIT} runs` : "";
  return `${plural(flat, "series", "series")} flat${tooShort}`;
}

export function formatValue({ kind, unit }: Pick<TrackedSeries, "kind" | "unit">, value: number): string {
  if (kind === "error") return formatError(value);
  if (unit === "ns") return formatDuration(value);
  const digits = Number(value.toPrecision(4)).toString();
  return unit ? `${digits} ${unit}` : digits;
}

/** `+3.2 %`; from a factor of two on, `2.9×`. */
export const formatSize = (size: number): string =>
  size >= 1
    ? `${Number((1 + size).toPrecision(3))}×`
    : `${size < 0 ? "−" : "+"}${Math.abs(100 * size).toFixed(1)} %`;

/** `[+2.9 %, +3.6 %]`, or `exact` */
export const formatSizeInterval = ({ interval }: Change): string =>
  interval ? `[${interval.map(formatSize).join(", ")}]` : "exact";

/** The commit of a value, or its run. */
export const originOf = ({ commit, run }: Change["firstAfter"]): string =>
  commit === null ? run : commit.replace(/^([0-9a-f]{10})[0-9a-f]+/, "$1");

/** `3f2a…..91bc…; 40 runs before, 12 after` */
export const describeRange = ({ lastBefore, firstAfter, runsBefore, runsAfter }: Change): string =>
  `${originOf(lastBefore)}..${originOf(firstAfter)}; ${plural(runsBefore, "run")} before, ${runsAfter} after`;

/** `time of …`; an imported metric has its name alone. */
export const titleOf = ({ kind, name }: TrackedSeries): string =>
  kind === "metric" ? name : `${kind} of ${name}`;

/** The profile and the machine, as far as they are known. */
export const contextOf = ({ profile, machine }: TrackedSeries): string =>
  [profile, ...(machine === null ? [] : [machine])].join(", ");
