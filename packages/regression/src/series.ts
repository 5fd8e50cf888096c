import { DTYPES, placeName } from "@softmax-bench/core";
import { type Fingerprint, findCauses } from "./fingerprint.js";
import { groupBy } from "./group-by.js";
import type { HistoryCell, HistoryRun } from "./history-run.js";

/** A value of one run. */
export interface SeriesPoint {
  readonly run: string;
  readonly startedAt: string;
  readonly commit: string | null;
  readonly value: number;
  /** Absent for imported values. */
  readonly machine?: string;
}

/** Values over runs that differ in their code alone, as far as is known, oldest first. */
export interface Series {
  /** The cell, or the name of an imported benchmark. */
  readonly name: string;
  /** `ratio`: the time over that of a reference in the same run, on any machine. */
  readonly kind: "time" | "error" | "ratio" | "metric";
  /** `ns`, empty, or that of an imported metric. */
  readonly unit: string;
  readonly better: "smaller" | "larger";
  readonly profile: string;
  /** Null for ratios, and where the machine is unknown. */
  readonly machine: string | null;
  readonly points: readonly SeriesPoint[];
  /** The changes in software from one run to another, by index of the points. */
  readonly explain?: (from: number, to: number) => string[];
}

/**
 * The series of time and error of every cell, one per machine and profile, and where a profile has several machines the
 * ratios of times to a reference.
 *
 * @param runs in any order
 * @param reference place and method, such as `onnxruntime-cpu manual/fused`; by default the one timed most often
 */
export function collectSeries(runs: readonly HistoryRun[], reference?: string): Series[] {
  const sorted = runs.toSorted((a, b) => a.run.startedAt.localeCompare(b.run.startedAt));
  return [...groupBy(sorted, ({ profile }) => profile).values()].flatMap((own) => [
    ...collect(own, "time", ({ ns }) => ns),
    ...collect(own, "error", ({ error, dtype }) =>
      // Below one roundoff, luck decides.
      error === undefined ? undefined : Math.max(error, DTYPES[dtype].unitRoundoff),
    ),
    ...collectRatios(own, reference),
  ]);
}

type Value = (cell: HistoryCell, run: HistoryRun) => number | undefined;

function collect(
  runs: readonly HistoryRun[],
  kind: "time" | "error" | "ratio",
  measure: Value,
  of = "",
): Series[] {
  const series = new Map<string, ReturnType<typeof newSeries>>();
  for (const run of runs) {
    for (const cell of run.cells) {
      const value = measure(cell, run);
      if (value === undefined) continue;
      const machine = kind === "ratio" ? null : cell.where;
      const key = `${cell.key}\n${machine}`;
      const found = series.get(key) ?? newSeries(cell, { kind, profile: run.profile, machine, of });
      series.set(key, found);
      const { id, startedAt, commit } = run.run;
      found.points.push({ run: id, startedAt, commit, value, machine: cell.where });
      found.origins.push({ run, cell });
    }
  }
  return [...series.values()].map(({ series: each }) => each);
}

function newSeries(
  { key, backend }: HistoryCell,
  {
    kind,
    profile,
    machine,
    of,
  }: Pick<Series, "profile" | "machine"> & { kind: "time" | "error" | "ratio"; of: string },
) {
  const points: SeriesPoint[] = [];
  const origins: Origin[] = [];
  const explain = (from: number, to: number): string[] => {
    const [a, b] = [origins[from], origins[to]];
    const machines = [points[from]?.machine, points[to]?.machine];
    const moved = machines[0] === machines[1] ? [] : [`another machine: ${machines.join(" → ")}`];
    return a && b ? [...moved, ...findCauses(ofPlace(a), ofPlace(b), backend)] : moved;
  };
  const unit = kind === "time" ? "ns" : "";
  const series: Series = {
    name: `${key}${of}`,
    kind,
    unit,
    better: "smaller",
    profile,
    machine,
    points,
    explain,
  };
  return { series, points, origins };
}

interface Origin {
  readonly run: HistoryRun;
  readonly cell: HistoryCell;
}

/** The run with the records of a cell's host and machine alone: a backend has several, on several hosts or machines. */
const ofPlace = ({ run: { environment, hosts, backends }, cell }: Origin): Fingerprint => ({
  environment,
  hosts,
  backends: backends.filter(
    ({ host, machine }) => host === cell.host && (machine === undefined || machine === cell.machine),
  ),
});

const referenceName = (cell: HistoryCell): string => `${placeName(cell)} ${cell.method}`;

function collectRatios(runs: readonly HistoryRun[], chosen?: string): Series[] {
  const timed = runs.flatMap(({ cells }) => cells.filter(({ ns }) => ns !== undefined));
  if (new Set(timed.map(({ machine }) => machine)).size < 2) return [];
  const reference = chosen ?? mostTimed(timed);
  const task = ({ dtype, workload, machine }: HistoryCell) => `${dtype} ${workload} ${machine}`;
  const times = new Map(
    runs.map((run) => [
      run,
      new Map(
        run.cells.filter((cell) => referenceName(cell) === reference).map((cell) => [task(cell), cell.ns]),
      ),
    ]),
  );
  const ratio: Value = (cell, run) => {
    const base = times.get(run)?.get(task(cell));
    if (base === undefined || cell.ns === undefined || referenceName(cell) === reference) return undefined;
    return cell.ns / base;
  };
  return collect(runs, "ratio", ratio, ` / ${reference}`);
}

function mostTimed(cells: readonly HistoryCell[]): string {
  const counts = [...groupBy(cells, referenceName)].map(([name, { length }]) => ({ name, length }));
  return counts.toSorted((a, b) => b.length - a.length || a.name.localeCompare(b.name))[0]?.name ?? "";
}
