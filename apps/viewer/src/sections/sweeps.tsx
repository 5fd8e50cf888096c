import * as Plot from "@observablehq/plot";
import type { Curve, Precision } from "@softmax-bench/core";
import { precisionView, RANGE_COLUMNS, rangeCells } from "@softmax-bench/report/model";
import { useMemo, useState } from "preact/hooks";
import { Chart, type ChartOptions } from "../components/chart.js";
import { Select, shortName } from "../components/choices.js";
import { Figure } from "../components/figure.js";
import { Findings } from "../components/findings.js";
import { colorScale } from "../model/colors.js";
import { isShown, type Selection } from "../selection.js";
import { Section } from "./section.js";

/** Errors as one property of the logits varies. */
export function Sweeps({ precision, selection }: { precision: Precision; selection: Selection }) {
  const { sweeps, curves, ulpLimit } = precision;
  const drawn = useMemo(
    () => curves.filter((curve) => curve.points.length > 0 && isShown(curve, selection)),
    [curves, selection],
  );
  const view = useMemo(() => precisionView({ precision }), [precision]);
  const backends = [...new Set(drawn.map(({ backend }) => backend))];
  const [wanted, choose] = useState<string>();
  const backend = backends.find((id) => id === wanted) ?? backends[0];
  if (backend === undefined) return null;
  return (
    <Section id="sweeps" title="Which formulation?">
      <Select
        label="Backend"
        options={backends.map((id) => [id, shortName(id)])}
        value={backend}
        onChange={choose}
      />
      <details>
        <summary>In words</summary>
        {view && <Findings findings={view.findings} />}
      </details>
      {sweeps.map(({ id, summary, axis }) => (
        <Sweep
          key={id}
          title={`${shortName(id)}: ${shortName(summary)}`}
          axis={axis}
          ulpLimit={ulpLimit}
          curves={drawn.filter((curve) => curve.sweep === id && curve.backend === backend)}
        />
      ))}
    </Section>
  );
}

function Sweep({
  title,
  axis,
  ulpLimit,
  curves,
}: {
  title: string;
  axis: string;
  ulpLimit: number;
  curves: readonly Curve[];
}) {
  const options = useMemo(() => curvePlot(curves, shortName(axis), ulpLimit), [curves, axis, ulpLimit]);
  if (curves.length === 0) return null;
  return (
    <Figure
      caption={`${title}. Error that 99 of 100 entries keep to, in ULP; the line is at ${ulpLimit}`}
      numbers={{
        name: "sweep",
        columns: [
          "backend",
          "method",
          "dtype",
          "sweep",
          "x",
          "p99 ULP",
          "max ULP",
          "relative L2",
          "non-finite",
          ...RANGE_COLUMNS,
        ],
        rows: curves.flatMap(({ backend, method, dtype, sweep, points }) =>
          points.map(({ x, p99Ulp, maxUlp, relL2, nonFinite, range }) => [
            ...[backend, method, dtype, sweep, x],
            ...[p99Ulp, maxUlp, relL2, nonFinite, ...rangeCells({ range })],
          ]),
        ),
      }}
    >
      <Chart options={options} label={title} />
    </Figure>
  );
}

function curvePlot(curves: readonly Curve[], axis: string, ulpLimit: number): ChartOptions {
  const points = curves.flatMap(({ method, points: along }) =>
    along.map(({ x, p99Ulp }) => ({
      x,
      method: shortName(method),
      // A logarithm shows no 0: half an ULP is what rounding itself may take.
      ulp: Number.isFinite(p99Ulp) ? Math.max(0.5, p99Ulp) : Number.NaN,
    })),
  );
  const xs = points.map(({ x }) => x);
  const [low, high] = [Math.min(...xs), Math.max(...xs)];
  const type = low > 0 && high / low > 50 ? "log" : low < 0 && high > 1000 ? "symlog" : "linear";
  return {
    height: 300,
    marginLeft: 60,
    grid: true,
    x: { type, label: `${axis} →`, ...(type === "linear" ? {} : { ticks: 6, tickFormat: "~g" }) },
    y: { type: "log", label: "↑ ULP", tickFormat: "~s" },
    color: { ...colorScale(points.map(({ method }) => method)), legend: true },
    marks: [
      Plot.ruleY([ulpLimit], { strokeDasharray: "4 3" }),
      Plot.lineY(points, { x: "x", y: "ulp", stroke: "method", tip: true }),
    ],
  };
}
