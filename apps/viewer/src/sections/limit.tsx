import * as Plot from "@observablehq/plot";
import { type Cell, plural, type Results, resolutionLookup } from "@softmax-bench/core";
import { type Achieved, achievedBandwidth, formatPercent } from "@softmax-bench/report/model";
import { useMemo } from "preact/hooks";
import { useBestFirst } from "../components/best-first.js";
import { Chart, type ChartOptions, marginFor } from "../components/chart.js";
import { shortName } from "../components/choices.js";
import { Figure } from "../components/figure.js";
import { explainMark, rowLabel } from "../components/row-label.js";
import { colorScale } from "../model/colors.js";
import { QUALIFIERS, qualify } from "../model/csv.js";
import { haveSettled, settledFirst } from "../model/settled.js";
import { Section } from "./section.js";

interface Row {
  readonly cell: Cell;
  readonly achieved: Achieved;
}

const isSettled = ({ cell }: Row): boolean => haveSettled(cell, ["gradient"]);

/** The share of the machine's copy bandwidth that each gradient reaches in moving its bytes. */
export function Limit({
  cells,
  results,
  isEligible,
}: {
  cells: readonly Cell[];
  results: Results;
  isEligible: (cell: Cell) => boolean;
}) {
  const rows = useMemo(
    () =>
      settledFirst(
        cells.flatMap((cell): Row[] => {
          const achieved = achievedBandwidth(cell, results);
          return achieved ? [{ cell, achieved }] : [];
        }),
        isSettled,
        (a, b) => b.achieved.share - a.achieved.share,
      ),
    [cells, results],
  );
  const { rows: drawn, toggle, scope } = useBestFirst(rows, ({ cell }) => cell, isEligible);
  const options = useMemo(() => sharePlot(drawn), [drawn]);
  const resolutions = useMemo(() => resolutionLookup(results), [results]);
  if (rows.length === 0) return null;
  const measured = (results.environment.copyBandwidth ?? [])
    .map(
      ({ threads, bytesPerSecond }) =>
        `${(bytesPerSecond / 1e9).toFixed(1)} GB/s with ${plural(threads, "thread")}`,
    )
    .join(", ");
  return (
    <Section id="limit" title="How far from the limit">
      <p>
        This machine copies {measured}. A gradient reads its logits and writes itself, at least once.
        {rows[0]?.achieved.inCache && " Here both fit in the processor's cache, which is faster than memory."}
      </p>
      <Figure
        caption={`Bytes of logits and gradient over the gradient's time, as a share of copying with as many threads${scope}${explainMark(drawn.every(isSettled))}`}
        numbers={{
          name: "bandwidth",
          columns: ["backend", "method", ...QUALIFIERS, "bytes per second", "share of copy bandwidth"],
          rows: rows.map(({ cell, achieved }) => {
            const timing = cell.timing?.gradient;
            return [
              ...[cell.backend, cell.method],
              ...qualify(timing, resolutions(cell, "gradient", timing)),
              ...[achieved.bytesPerSecond, achieved.share],
            ];
          }),
        }}
      >
        <Chart
          options={options}
          label={`Achieved bandwidth of ${plural(drawn.length, "cell")}`}
          leastWidth={560}
        />
        {toggle}
      </Figure>
    </Section>
  );
}

function sharePlot(rows: readonly Row[]): ChartOptions {
  const points = rows.map((row) => ({
    row: rowLabel(row.cell, isSettled(row)),
    backend: shortName(row.cell.backend),
    share: row.achieved.share,
  }));
  return {
    height: 90 + 18 * points.length,
    marginLeft: marginFor(points.map(({ row }) => row)),
    marginRight: 60,
    marginTop: 40,
    x: { type: "log", label: "share of copy bandwidth →", grid: true, tickFormat: "~%", axis: "both" },
    y: { label: null, domain: points.map(({ row }) => row) },
    color: colorScale(points.map(({ backend }) => backend)),
    marks: [
      Plot.ruleX([1], { strokeDasharray: "4 3" }),
      Plot.dot(points, { x: "share", y: "row", fill: "backend", r: 4 }),
      Plot.text(points, {
        x: "share",
        y: "row",
        text: ({ share }) => (share < 0.0005 ? "< 0.1 %" : formatPercent(share)),
        dx: 8,
        textAnchor: "start",
      }),
    ],
  };
}
