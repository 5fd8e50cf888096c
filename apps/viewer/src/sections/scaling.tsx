import * as Plot from "@observablehq/plot";
import type { Results, Scaling as ScalingRecord } from "@softmax-bench/core";
import {
  FIT_HEADER,
  fitRow,
  MEMORY_HEADER,
  memoryRow,
  oneLine,
  scalingOf,
} from "@softmax-bench/report/model";
import { useMemo } from "preact/hooks";
import { Chart, type ChartOptions } from "../components/chart.js";
import { nameOf } from "../components/choices.js";
import { Figure } from "../components/figure.js";
import { Table } from "../components/table.js";
import { Section } from "./section.js";

/** Times as rows, classes and threads grow. */
export function Scaling({ results, scaling }: { results: Results; scaling: ScalingRecord }) {
  const view = useMemo(() => scalingOf(results), [results]);
  const points = useMemo(() => pointsOf(scaling), [scaling]);
  const options = useMemo(() => timePlot(points), [points]);
  if (!view) return null;
  return (
    <Section id="scaling" title="Scaling">
      <ul>
        {view.premises.map((premise) => (
          <li key={premise}>{premise}</li>
        ))}
      </ul>
      <Figure
        caption="Time of a gradient by its elements: a dot for each shape, so that many rows and many classes stand side by side"
        numbers={{
          name: "scaling",
          columns: ["backend", "method", "dtype", "threads", "rows", "classes", "nanoseconds"],
          rows: points.map(({ backend, method, dtype, threads, rows, classes, nanoseconds }) => [
            ...[backend, method, dtype, threads],
            ...[rows, classes, nanoseconds],
          ]),
        }}
      >
        <Chart options={options} label={`Times of ${points.length} shapes`} leastWidth={700} />
      </Figure>
      <Table label="Fits" columns={FIT_HEADER} rows={view.fitted.map(fitRow)} />
      <ul>
        {view.threading.map((sentence) => (
          <li key={sentence}>{oneLine(sentence)}</li>
        ))}
      </ul>
      {view.memory.length > 0 && (
        <>
          <h3>Memory</h3>
          <Table label="Memory" columns={MEMORY_HEADER} rows={view.memory.map(memoryRow)} />
        </>
      )}
    </Section>
  );
}

interface Point {
  readonly backend: string;
  readonly method: string;
  readonly dtype: string;
  readonly threads: number;
  readonly rows: number;
  readonly classes: number;
  readonly nanoseconds: number;
}

const pointsOf = ({ series }: ScalingRecord): Point[] =>
  series.flatMap(({ backend, method, dtype, threads, points }) =>
    points.flatMap(({ rows, classes, medianNs }) =>
      medianNs ? [{ backend, method, dtype, threads, rows, classes, nanoseconds: medianNs }] : [],
    ),
  );

function timePlot(points: readonly Point[]): ChartOptions {
  const dots = points.map(({ backend, threads, rows, classes, nanoseconds }) => ({
    ...{ backend: nameOf(backend), threads: `${threads} ${threads === 1 ? "thread" : "threads"}` },
    ...{ elements: rows * classes, seconds: nanoseconds / 1e9 },
  }));
  return {
    height: 420,
    marginLeft: 60,
    marginTop: 40,
    grid: true,
    x: { type: "log", label: "elements →" },
    y: { type: "log", label: "↑ seconds" },
    fx: { label: null },
    color: { type: "categorical", scheme: "observable10", legend: true },
    marks: [Plot.dot(dots, { x: "elements", y: "seconds", fx: "threads", stroke: "backend", r: 3 })],
  };
}
