import * as Plot from "@observablehq/plot";
import type { Results } from "@softmax-bench/core";
import {
  FIT_HEADER,
  fitRow,
  hasSettled,
  MEMORY_HEADER,
  memoryRow,
  oneLine,
  scalingView,
  type TimedShape,
} from "@softmax-bench/report/model";
import { useMemo } from "preact/hooks";
import { Chart, type ChartOptions } from "../components/chart.js";
import { shortName } from "../components/choices.js";
import { Figure } from "../components/figure.js";
import { Table } from "../components/table.js";
import { colorScale } from "../model/colors.js";
import { Section } from "./section.js";

/** Times as rows, classes and threads grow. */
export function Scaling({ results }: { results: Results }) {
  const view = useMemo(() => scalingView(results), [results]);
  const points = view?.times ?? NO_TIMES;
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
        caption="Time of a gradient by its elements: a dot for each shape, so that many rows and many classes stand side by side; hollow where the times had not settled, or have too few samples to tell"
        numbers={{
          name: "scaling",
          columns: ["backend", "method", "dtype", "threads", "rows", "classes", "nanoseconds", "steadiness"],
          rows: points.map(({ backend, method, dtype, threads, rows, classes, medianNs, steadiness }) => [
            ...[backend, method, dtype, threads],
            ...[rows, classes, medianNs, steadiness],
          ]),
        }}
      >
        <Chart options={options} label={`Times of ${points.length} shapes`} leastWidth={700} />
      </Figure>
      {view.fitted.length > 0 && <Table label="Fits" columns={FIT_HEADER} rows={view.fitted.map(fitRow)} />}
      <Sentences of={view.threading} />
      {view.memory.length > 0 && (
        <>
          <h3>Memory</h3>
          <Table label="Memory" columns={MEMORY_HEADER} rows={view.memory.map(memoryRow)} />
        </>
      )}
      <Sentences of={view.absent} />
    </Section>
  );
}

const NO_TIMES: readonly TimedShape[] = [];

const Sentences = ({ of }: { of: readonly string[] }) => (
  <ul>
    {of.map((sentence) => (
      <li key={sentence}>{oneLine(sentence)}</li>
    ))}
  </ul>
);

function timePlot(points: readonly TimedShape[]): ChartOptions {
  const dots = points.map(({ backend, threads, rows, classes, medianNs, steadiness }) => ({
    timing: { steadiness },
    backend: shortName(backend),
    threads: `${threads} ${threads === 1 ? "thread" : "threads"}`,
    elements: rows * classes,
    seconds: medianNs / 1e9,
  }));
  const at = { x: "elements", y: "seconds", fx: "threads", r: 3 };
  return {
    height: 420,
    marginLeft: 60,
    marginTop: 40,
    grid: true,
    x: { type: "log", label: "elements →" },
    y: { type: "log", label: "↑ seconds" },
    fx: { label: null },
    color: { ...colorScale(dots.map(({ backend }) => backend)), legend: true },
    marks: [
      Plot.dot(dots.filter(hasSettled), { ...at, fill: "backend" }),
      Plot.dot(
        dots.filter((dot) => !hasSettled(dot)),
        { ...at, stroke: "backend" },
      ),
    ],
  };
}
