import { DTYPES, placeName } from "@softmax-bench/core";
import { median } from "@softmax-bench/stats";
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
  /** `ratio`: the time over that of a reference in the same run, scaled to one level for all machines. */
  readonly kind: "time" | "error" | "ratio" | "metric";
  /** `ns`, empty, or that of an imported metric. */
  readonly unit: string;
  readonly better: "smaller" | "larger";
  readonly profile: string;
  /** Null for ratios, and where the machine is unknown. */
  readonly machine: string | null;
  readonly points: readonly SeriesPoint[];
  /** The cell that a ratio's times are divided by. */
  readonly reference?: string;
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
  reference?: string,
): Series[] {
  const series = new Map<string, ReturnType<typeof newSeries>>();
  for (const run of runs) {
    for (const cell of run.cells) {
      const value = measure(cell, run);
      if (value === undefined) continue;
      const machine = kind === "ratio" ? null : cell.where;
      const key = `${cell.key}\n${machine}`;
      const found = series.get(key) ?? newSeries(cell, { kind, profile: run.profile, machine, reference });
      series.set(key, found);
      const { id, startedAt, commit } = run.run;
      found.points.push({ run: id, startedAt, commit, value, machine: cell.where });
      found.origins.push({ run, cell });
    }
  }
  return [...series.values()].map(({ series: each }) => each);
}

function newSeries(
  { key, backend, dtype, workload }: HistoryCell,
  {
    kind,
    profile,
    machine,
    reference,
  }: Pick<Series, "profile" | "machine"> & {
    readonly kind: "time" | "error" | "ratio";
    readonly reference: string | undefined;
  },
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
    name: reference === undefined ? key : `${key} / ${reference}`,
    kind,
    unit,
    better: "smaller",
    profile,
    machine,
    points,
    ...(reference === undefined ? {} : { reference: `${reference} ${dtype} ${workload}` }),
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
  return collect(runs, "ratio", levelMachines(runs, ratio), reference);
}

/** A machine with fewer values of a series says nothing about its level. */
const FEWEST_TO_LEVEL = 3;

/**
 * Values scaled so that each machine has the median of all: a cell has a level of its own on each machine, and a change of
 * machines is no change of the code. Machines with few values are left out.
 */
function levelMachines(runs: readonly HistoryRun[], measure: Value): Value {
  const measured = runs.flatMap((run) =>
    run.cells.flatMap((cell) => {
      const value = measure(cell, run);
      return value === undefined ? [] : [{ cell, value }];
    }),
  );
  const scales = new Map<string, ReadonlyMap<string, number>>();
  for (const [key, values] of groupBy(measured, ({ cell }) => cell.key)) {
    const machines = [...groupBy(values, ({ cell }) => cell.where)]
      .map(([where, own]) => ({ where, values: own.map(({ value }) => value) }))
      .filter((own) => own.values.length >= FEWEST_TO_LEVEL);
    if (machines.length === 0) continue;
    const level = median(machines.flatMap((own) => own.values));
    scales.set(key, new Map(machines.map((own) => [own.where, level / median(own.values)])));
  }
  return (cell, run) => {
    const [value, scale] = [measure(cell, run), scales.get(cell.key)?.get(cell.where)];
    return value === undefined || scale === undefined ? undefined : value * scale;
  };
}

function mostTimed(cells: readonly HistoryCell[]): string {
  const counts = [...groupBy(cells, referenceName)].map(([name, { length }]) => ({ name, length }));
  return counts.toSorted((a, b) => b.length - a.length || a.name.localeCompare(b.name))[0]?.name ?? "";
}
