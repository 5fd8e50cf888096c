import * as Plot from "@observablehq/plot";
import {
  busyMachine,
  machineId,
  plural,
  type Results,
  resolutionLookup,
  type Timing,
} from "@softmax-bench/core";
import { compare, DEFAULT_LIMITS } from "@softmax-bench/regression";
import { comparisonBlocks, countsInSeries, verdictWord } from "@softmax-bench/report/model";
import { useMemo, useState } from "preact/hooks";
import { Blocks } from "../components/blocks.js";
import { Chart, type ChartOptions } from "../components/chart.js";
import { Select, shortName } from "../components/choices.js";
import { Figure } from "../components/figure.js";
import { colorScale } from "../model/colors.js";
import { QUALIFIERS, qualify } from "../model/csv.js";
import { isShown, type Selection } from "../selection.js";
import { Section } from "./section.js";

/** Two runs side by side; three and more as lines over time. */
export function Comparison({
  runs,
  workload,
  selection,
}: {
  runs: readonly Results[];
  workload: string | undefined;
  selection: Selection;
}) {
  const [chosen, choose] = useState<readonly [number, number]>([0, runs.length - 1]);
  const [first, second] = [runs[chosen[0]] ?? runs[0], runs[chosen[1]] ?? runs.at(-1)];
  const comparison = useMemo(() => {
    if (!first || !second) return undefined;
    const [baseline, candidate] = [first, second].map((run) => ({
      ...run,
      cells: run.cells.filter((cell) => isShown(cell, selection)),
    })) as [Results, Results];
    const names = { baseline: shortName(first.run.id), candidate: shortName(second.run.id) };
    return compare(baseline, candidate, DEFAULT_LIMITS, names);
  }, [first, second, selection]);
  if (!comparison || runs.length < 2) return null;
  const names = runs.map((run, index): [string, string] => [String(index), shortName(run.run.id)]);
  return (
    <Section id="comparison" title="Runs compared">
      <form class="controls" onSubmit={(event) => event.preventDefault()}>
        <Select
          label="from"
          options={names}
          value={String(chosen[0])}
          onChange={(index) => choose([Number(index), chosen[1]])}
        />
        <Select
          label="to"
          options={names}
          value={String(chosen[1])}
          onChange={(index) => choose([chosen[0], Number(index)])}
        />
      </form>
      <Differences comparison={comparison} />
      {runs.length > 2 && <TimeLines runs={runs} workload={workload} selection={selection} />}
    </Section>
  );
}

/** Cells that get a row; the numbers have all. */
const ROWS = 50;

function Differences({ comparison }: { comparison: ReturnType<typeof compare> }) {
  const label = "Two runs compared";
  return (
    <Figure
      caption="What compare says; gate decides, on fresh processes in turns"
      numbers={{
        name: "comparison",
        columns: [
          ...["backend", "method", "dtype", "workload", "verdict"],
          ...["slowdown", "low", "high", "relative L2 before", "relative L2 after"],
        ],
        rows: comparison.cells.map(({ backend, method, dtype, workload, verdict, time, error }) => [
          ...[backend, method, dtype, workload, verdictWord(verdict, comparison)],
          ...[time?.slowdown, time?.interval[0], time?.interval[1], error?.baseline, error?.candidate],
        ]),
      }}
    >
      <Blocks blocks={comparisonBlocks(comparison, ROWS)} label={label} />
    </Figure>
  );
}

function TimeLines({
  runs,
  workload,
  selection,
}: {
  runs: readonly Results[];
  workload: string | undefined;
  selection: Selection;
}) {
  const points = useMemo(
    () =>
      runs.flatMap((results) => {
        const resolutions = resolutionLookup(results);
        const isBusy = busyMachine(results) !== undefined;
        return results.cells.flatMap((cell): TimePoint[] => {
          const timing = cell.timing?.gradient;
          if (cell.workload !== workload || !isShown(cell, selection) || !timing?.medianNs) return [];
          return [
            {
              backend: shortName(cell.backend),
              method: shortName(cell.method),
              at: new Date(results.run.startedAt),
              machine: machineId(results.environment),
              ms: timing.medianNs / 1e6,
              timing,
              resolution: resolutions(cell, "gradient", timing),
              isBusy,
            },
          ];
        });
      }),
    [runs, workload, selection],
  );
  const options = useMemo(() => timePlot(points), [points]);
  return (
    <Figure
      caption="Median time of each cell over the runs; a line does not go on from one machine to another. Hollow, and on no line: times that had not settled, or from a busy machine"
      numbers={{
        name: "time-lines",
        columns: ["backend", "method", "started", "machine", "ms", ...QUALIFIERS, "busy"],
        rows: points.map(({ backend, method, at, machine, ms, timing, resolution, isBusy }) => [
          ...[backend, method, at.toISOString(), machine, ms],
          ...[...qualify(timing, resolution), String(isBusy)],
        ]),
      }}
    >
      <Chart options={options} label={`Median times over ${plural(runs.length, "run")}`} />
    </Figure>
  );
}

interface TimePoint {
  readonly backend: string;
  readonly method: string;
  readonly at: Date;
  readonly machine: string;
  readonly ms: number;
  readonly timing: Timing;
  readonly resolution: number;
  readonly isBusy: boolean;
}

function timePlot(points: readonly TimePoint[]): ChartOptions {
  const backends = new Set(points.map(({ backend }) => backend));
  const isComparable = (point: TimePoint): boolean => countsInSeries(point) && !point.isBusy;
  const comparable = points.filter(isComparable);
  const line = {
    x: "at",
    y: "ms",
    fy: "backend",
    z: ({ method, machine }: TimePoint) => `${method}\n${machine}`,
  };
  return {
    height: 60 + 160 * backends.size,
    marginLeft: 60,
    marginRight: 150,
    grid: true,
    x: { type: "utc", label: "started →" },
    y: { type: "log", label: "↑ ms", tickFormat: "~r" },
    fy: { label: null },
    color: { ...colorScale(points.map(({ method }) => method)), legend: true },
    marks: [
      Plot.frame({ strokeOpacity: 0.2 }),
      Plot.lineY(comparable, { ...line, stroke: "method" }),
      Plot.dot(comparable, { x: "at", y: "ms", fy: "backend", fill: "method", r: 2.5, tip: true }),
      Plot.dot(
        points.filter((point) => !isComparable(point)),
        { x: "at", y: "ms", fy: "backend", stroke: "method", r: 2.5, tip: true },
      ),
    ],
  };
}
