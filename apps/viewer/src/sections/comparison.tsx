import * as Plot from "@observablehq/plot";
import { machineId, type Results } from "@softmax-bench/core";
import { formatError, formatRatio, oneLine } from "@softmax-bench/report/model";
import { useMemo, useState } from "preact/hooks";
import { Chart, type ChartOptions } from "../components/chart.js";
import { nameOf, Select } from "../components/choices.js";
import { Figure } from "../components/figure.js";
import { Table } from "../components/table.js";
import { type Difference, differencesBetween } from "../model/comparison.js";
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
  const differences = useMemo(
    () => (first && second ? differencesBetween(first, second).filter((of) => isShown(of, selection)) : []),
    [first, second, selection],
  );
  if (!first || !second || runs.length < 2) return null;
  const names = runs.map((run, index): [string, string] => [String(index), nameOf(run.run.id)]);
  const machines = [first, second].map(({ environment }) => machineId(environment));
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
      {machines[0] !== machines[1] && (
        <p class="warning">
          The machines differ, and times with them: {oneLine(machines[0] ?? "")}; {oneLine(machines[1] ?? "")}
          .
        </p>
      )}
      <p>
        Intervals are what those of both medians allow. Each is over samples of one process or a few;{" "}
        <code>pnpm gate</code> decides on fresh processes in turns.
      </p>
      <Differences differences={differences} />
      {runs.length > 2 && <TimeLines {...{ runs, workload, selection }} />}
    </Section>
  );
}

const verdictOn = ({ interval: [low, high] }: Difference): string =>
  low > 1 ? "slower" : high < 1 ? "faster" : "no difference";

function Differences({ differences }: { differences: readonly Difference[] }) {
  return (
    <Figure
      caption="Gradient time of the second run over that of the first, the largest change first"
      numbers={{
        name: "comparison",
        columns: [
          ...["backend", "method", "dtype", "workload", "ratio", "low", "high"],
          ...["relative L2 before", "relative L2 after", "identical"],
        ],
        rows: differences.map(({ backend, method, dtype, workload, ratio, interval, errors, identical }) => [
          ...[backend, method, dtype, workload, ratio, ...interval],
          ...errors,
          identical === undefined ? undefined : String(identical),
        ]),
      }}
    >
      <Table
        label="Differences between two runs"
        columns={[
          "backend",
          "method",
          "dtype",
          "workload",
          "ratio",
          "interval",
          "verdict",
          "error",
          "gradient",
        ]}
        rows={differences
          .slice(0, 50)
          .map((of) => [
            ...[nameOf(of.backend), nameOf(of.method), of.dtype, nameOf(of.workload), formatRatio(of.ratio)],
            `[${of.interval.map((value) => value.toFixed(2)).join(", ")}]`,
            verdictOn(of),
            of.errors.map(formatError).join(" → "),
            of.identical === undefined ? "" : of.identical ? "same bits" : "changed",
          ])}
      />
      {differences.length > 50 && <p>{differences.length - 50} smaller changes are among the numbers.</p>}
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
      runs.flatMap(({ run, environment, cells }) =>
        cells.flatMap((cell) => {
          const ms = (cell.timing?.gradient?.medianNs ?? 0) / 1e6;
          if (cell.workload !== workload || !isShown(cell, selection) || !(ms > 0)) return [];
          const [backend, method] = [nameOf(cell.backend), nameOf(cell.method)];
          return [{ backend, method, ms, at: new Date(run.startedAt), machine: machineId(environment) }];
        }),
      ),
    [runs, workload, selection],
  );
  const options = useMemo(() => timePlot(points), [points]);
  return (
    <Figure
      caption="Median time of each cell over the runs; a line does not go on from one machine to another"
      numbers={{
        name: "time-lines",
        columns: ["backend", "method", "started", "machine", "ms"],
        rows: points.map(({ backend, method, at, machine, ms }) => [
          backend,
          method,
          at.toISOString(),
          machine,
          ms,
        ]),
      }}
    >
      <Chart options={options} label={`Median times over ${runs.length} runs`} />
    </Figure>
  );
}

interface TimePoint {
  readonly backend: string;
  readonly method: string;
  readonly at: Date;
  readonly machine: string;
  readonly ms: number;
}

function timePlot(points: readonly TimePoint[]): ChartOptions {
  const backends = new Set(points.map(({ backend }) => backend));
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
    color: { type: "categorical", legend: true, scheme: "observable10" },
    marks: [
      Plot.frame({ strokeOpacity: 0.2 }),
      Plot.lineY(points, { ...line, stroke: "method" }),
      Plot.dot(points, { x: "at", y: "ms", fy: "backend", fill: "method", r: 2.5, tip: true }),
    ],
  };
}
