import * as Plot from "@observablehq/plot";
import { type Cell, plural, type Results } from "@softmax-bench/core";
import {
  formatDuration,
  formatError,
  hasSettled,
  type RankedCell,
  type RankedPhase,
  rank,
} from "@softmax-bench/report/model";
import { useMemo, useState } from "preact/hooks";
import { Chart, type ChartOptions } from "../components/chart.js";
import { OneOf, shortName } from "../components/choices.js";
import { Figure } from "../components/figure.js";
import { colorScale } from "../model/colors.js";
import { QUALIFIERS, qualify } from "../model/csv.js";
import { paretoFront } from "../model/pareto.js";
import { Section } from "./section.js";

type ErrorOf = "relL2" | "maxUlp";

/** Error against time: a mark for each cell, and a line through the cells in JavaScript that no other one beats. */
export function TradeOff({
  cells,
  results,
  phase,
}: {
  cells: readonly Cell[];
  results: Results;
  phase: RankedPhase;
}) {
  const [measure, setMeasure] = useState<ErrorOf>("relL2");
  const ranked = useMemo(() => rank(cells, results, phase), [cells, results, phase]);
  const options = useMemo(() => scatter(ranked, measure), [ranked, measure]);
  if (ranked.length === 0) return null;
  return (
    <Section id="trade-off" title="Precision against speed">
      <OneOf<ErrorOf>
        legend="Error"
        options={[
          ["relL2", "relative L2"],
          ["maxUlp", "largest, in ULP"],
        ]}
        value={measure}
        onChange={setMeasure}
      />
      <Figure
        caption="Error against time of each cell; the line joins those that no other one beats, by being faster by more than the joint resolution of both and no less exact. Hollow: times that had not settled, which are not compared"
        numbers={{
          name: "precision-against-speed",
          columns: [
            "rank",
            "backend",
            "method",
            "dtype",
            "median ns",
            ...QUALIFIERS,
            "tied",
            "relative L2",
            "max ULP",
          ],
          rows: ranked.map(({ rank: place, backend, method, dtype, timing, resolution, tied, error }) => [
            ...[place, backend, method, dtype, timing.medianNs],
            ...[...qualify(timing, resolution), String(tied), error.relL2, error.maxUlp],
          ]),
        }}
      >
        <Chart options={options} label={`Error against time of ${plural(ranked.length, "cell")}`} />
      </Figure>
    </Section>
  );
}

const [BY_HAND, AUTOMATIC] = ["by hand", "automatic"] as const;
/** A method from a user's bench.config.ts, of which it is not known which of the two it is. */
const OWN = "your own";

function originOf({ method }: RankedCell): string {
  if (method.startsWith("manual/")) return BY_HAND;
  return method.startsWith("autograd/") ? AUTOMATIC : OWN;
}

/** A logarithm shows no others. */
const isDrawable = (value: number): boolean => value > 0 && Number.isFinite(value);

function scatter(ranked: readonly RankedCell[], measure: ErrorOf): ChartOptions {
  const drawn = ranked.filter(
    ({ timing, error }) => isDrawable(timing.medianNs) && isDrawable(error[measure]),
  );
  const milliseconds = ({ timing }: RankedCell) => timing.medianNs / 1e6;
  const errorOf = ({ error }: RankedCell) => error[measure];
  const front = paretoFront(
    drawn.filter(({ isContender }) => isContender),
    errorOf,
  );
  const at = { x: milliseconds, y: errorOf };
  const backend = (cell: RankedCell) => shortName(cell.backend);
  const dot = { ...at, stroke: backend, symbol: originOf, r: 5 };
  return {
    height: 420,
    marginLeft: 60,
    marginRight: 30,
    grid: true,
    inset: 14,
    x: { type: "log", label: "median time, ms →", tickFormat: "~r" },
    y: {
      type: "log",
      label: measure === "relL2" ? "↑ relative L2 error" : "↑ largest error, ULP",
      ...(measure === "relL2"
        ? { ticks: 4, tickFormat: (value: number) => value.toExponential(0) }
        : { ticks: 4, tickFormat: "~s" }),
    },
    color: { ...colorScale(drawn.map(backend)), legend: true },
    symbol: {
      domain: [BY_HAND, AUTOMATIC, ...(drawn.some((cell) => originOf(cell) === OWN) ? [OWN] : [])],
      range: ["circle", "triangle", "square"],
      legend: true,
    },
    marks: [
      Plot.line(front, { ...at, strokeOpacity: 0.5, strokeDasharray: "4 3" }),
      Plot.dot(drawn.filter(hasSettled), { ...dot, fill: backend, fillOpacity: 0.5 }),
      Plot.dot(
        drawn.filter((cell) => !hasSettled(cell)),
        dot,
      ),
      ...[0, 1].map((side) =>
        Plot.text(
          front.filter((_, index) => index % 2 === side),
          { ...at, text: (cell) => shortName(cell.method), textAnchor: "start", dx: 8, dy: side ? 12 : -12 },
        ),
      ),
      Plot.tip(
        drawn,
        Plot.pointer({
          ...at,
          title: (cell: RankedCell) =>
            `${shortName(cell.backend)}\n${shortName(cell.method)}\n${formatDuration(cell.timing.medianNs)}, error ${formatError(errorOf(cell))}`,
        }),
      ),
    ],
  };
}
