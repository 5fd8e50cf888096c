import {
  type BackendRecord,
  type Cell,
  countObservations,
  DTYPE_IDS,
  namePlaces,
  type Results,
  resultsOfMachine,
} from "@softmax-bench/core";

import { type Achieved, achievedBandwidth } from "./bandwidth.js";
import { DEFAULT_CONSTRAINTS } from "./constraints.js";
import { type DepthView, depthView } from "./depth.js";
import { formatPercents } from "./format.js";
import { type HostsView, hostsView } from "./hosts.js";
import { type AcrossMachines, acrossMachines, type MachineView, machineViews } from "./machines.js";
import { type PrecisionView, precisionView } from "./precision.js";
import { isMeasured, type RankedCell, rank } from "./ranking.js";
import { type RecommendedGradient, recommend, workloadIds } from "./recommend.js";
import { againstReferences } from "./references.js";
import { type RunView, runView } from "./run-view.js";
import { type ScalingView, scalingView } from "./scaling.js";
import { type ComparedMethods, showSpeedup } from "./speedup.js";
import { verdictOn } from "./verdict.js";

/** The content of a report, independent of presentation. Terminal and Markdown are both rendered from it. */
export interface ReportView extends RunView {
  readonly title: string;
  readonly backends: readonly BackendRecord[];
  /** Each workload, once per machine that measured it. */
  readonly workloads: readonly WorkloadView[];
  /** The machines of merged results; empty if there is only one. */
  readonly machines: readonly MachineView[];
  /** Cells that several machines measured, side by side. */
  readonly across: readonly AcrossMachines[];
  /** The comparison of hosts, if there are several. */
  readonly hosts: HostsView | undefined;
  /** The findings from error curves along sweeps, if the run drew any. */
  readonly precision: PrecisionView | undefined;
  /** The findings from networks of growing depth, if the run has any. */
  readonly depth: DepthView | undefined;
  /** The growth of times with size and threads, if the run measured it. */
  readonly scaling: ScalingView | undefined;
}

export type RankedRow = RankedCell & { readonly achieved: Achieved | undefined };

export interface WorkloadView {
  readonly heading: string;
  readonly ranked: readonly RankedRow[];
  /** Cells without a result, each with its reason. */
  readonly absent: readonly Cell[];
  readonly distances: readonly ComparedMethods[];
  readonly verdicts: readonly string[];
  /** The recommendations that the verdicts put into words, by dtype. */
  readonly recommendations: readonly RecommendedGradient[];
  /** Comparisons of the best in JavaScript with each reference. */
  readonly references: readonly string[];
  /** The samples that the times are medians of, and the resolution. */
  readonly resolution: string | undefined;
}

export function reportView(unnamed: Results): ReportView {
  const results = namePlaces(unnamed);
  const machines = machineViews(results);
  return {
    ...runView(results),
    title: `softmax-bench ${results.run.id}`,
    backends: results.backends,
    workloads: workloadIds(results).flatMap((id) =>
      machines.length === 0
        ? [workloadView(id, results)]
        : machines
            .map((machine) => workloadView(id, resultsOfMachine(results, machine), machine.label))
            .filter(({ ranked, absent, distances }) => ranked.length + absent.length + distances.length > 0),
    ),
    machines,
    across: acrossMachines(results, machines),
    hosts: hostsView(results),
    precision: precisionView(results),
    depth: depthView(results),
    scaling: scalingView(results),
  };
}

/** @param machine the label of the results' machine, if there are several */
function workloadView(id: string, results: Results, machine?: string): WorkloadView {
  const { workloads, cells, distances, backends } = results;
  const name = machine ? `${id} on ${machine}` : id;
  const described = workloads?.find((workload) => workload.id === id);
  const own = cells.filter(({ workload }) => workload === id);
  const byDtype = DTYPE_IDS.map((dtype) => ({ dtype, of: own.filter((cell) => cell.dtype === dtype) }))
    .filter(({ of }) => of.length > 0)
    .map(({ dtype, of }) => ({ dtype, ranked: rank(of, results) }));
  const timed = (cell: RankedCell) => ({ ...cell, workload: id, timing: { gradient: cell.timing } });
  const recommendations = byDtype.map(({ dtype, ranked: of }) => ({
    workload: name,
    dtype,
    ...recommend(of, DEFAULT_CONSTRAINTS, backends),
  }));
  const ranked = byDtype
    .flatMap((group) => group.ranked)
    .map((cell) => ({ ...cell, achieved: achievedBandwidth(timed(cell), results) }));
  return {
    heading: described ? `${name}: ${described.rows}×${described.classes}, ${described.summary}` : name,
    ranked,
    absent: own.filter((cell) => !isMeasured(cell)).map(withReason),
    distances: distances
      .filter(({ workload }) => workload === id)
      .map((distance) => ({ ...distance, shownSpeedup: showSpeedup(distance, ranked) })),
    verdicts: recommendations.length
      ? recommendations.map((one) => verdictOn(name, one.dtype, one, DEFAULT_CONSTRAINTS, results.run))
      : [`${name}: no cell was measured${results.run.status === "interrupted" ? " yet" : ""}.`],
    recommendations,
    references: byDtype.flatMap(({ dtype, ranked: of }) =>
      againstReferences(name, dtype, of, DEFAULT_CONSTRAINTS, results),
    ),
    resolution: describeTimes(ranked),
  };
}

/** Adds a reason to a cell that is ok but lacks what a row needs: the format leaves every measurement optional. */
const withReason = (cell: Cell): Cell =>
  cell.status === "ok" && !cell.reason
    ? { ...cell, reason: cell.accuracy ? "no gradient time recorded" : "no accuracy recorded" }
    : cell;

/** Describes the origin of a workload's times, and their resolution. */
function describeTimes(ranked: readonly RankedCell[]): string | undefined {
  if (ranked.length === 0) return undefined;
  const resolutions = formatPercents(ranked.map(({ resolution }) => resolution));
  const unsettled = ranked.filter(({ timing }) => timing.steadiness === "unsettled").length;
  const untested = ranked.filter(({ timing }) => timing.steadiness === "untested").length;
  return [
    `Medians ${describeScope(ranked)}. Resolution ${resolutions}: = marks what cannot be told from the fastest.`,
    ...(unsettled > 0
      ? [`${unsettled} of ${ranked.length} had not settled within ${unsettled === 1 ? "its" : "their"} time.`]
      : []),
    ...(untested > 0 ? [`${untested} rest on too few samples to tell whether they had settled.`] : []),
  ].join(" ");
}

/** Describes the basis of the medians; cells of one workload may differ, e.g. if a process crashed. */
function describeScope(ranked: readonly RankedCell[]): string {
  const across = ranked.filter(({ timing }) => timing.scope === "processes");
  const inside = "over the samples of one process";
  if (across.length === 0) return inside;
  const counts = [...new Set(across.map(({ timing }) => countObservations(timing)))];
  const [fewest, most] = [Math.min(...counts), Math.max(...counts)];
  const count = fewest === most ? most : `${fewest} to ${most}`;
  const over = `over ${count} fresh processes`;
  return across.length === ranked.length ? over : `${over}; of some cells ${inside}`;
}
