import * as Plot from "@observablehq/plot";
import {
  type Cell,
  describeObservations,
  intervalOf,
  PHASES,
  type Steadiness,
  type Timing,
} from "@softmax-bench/core";
import {
  formatCount,
  formatDuration,
  formatError,
  formatInterval,
  oneLine,
  RANGE_COLUMNS,
  rangeCells,
} from "@softmax-bench/report/model";
import { useMemo } from "preact/hooks";
import { Chart, type ChartOptions } from "../components/chart.js";
import { shortName } from "../components/choices.js";
import { Figure } from "../components/figure.js";
import { Table } from "../components/table.js";

/** Entries at the ends of the dtype's range, where there are any. */
const rangeRows = (gradient: Parameters<typeof rangeCells>[0]): string[][] =>
  rangeCells(gradient).flatMap((value, index) => (value ? [[RANGE_COLUMNS[index] as string, value]] : []));

const SETTLED: Readonly<Record<Steadiness, string>> = {
  settled: "yes",
  unsettled: "no",
  untested: "untested",
};

/** All that is known of one cell, down to its raw samples. */
export function CellDetail({ cell }: { cell: Cell }) {
  const { backend, method, dtype, workload, status, reason, note, accuracy, gradientDigest } = cell;
  const options = useMemo(() => samplePlot(cell), [cell]);
  const name = `${shortName(backend)} ${shortName(method)}, ${dtype}, ${shortName(workload)}`;
  const timed = PHASES.flatMap((phase) => {
    const timing = cell.timing?.[phase];
    return timing ? [{ phase, timing }] : [];
  });
  return (
    <article class="card detail" aria-label={name}>
      <h3>{name}</h3>
      {status !== "ok" && (
        <p>
          {status}: {oneLine(reason ?? "no reason given")}
        </p>
      )}
      {note && <p>{oneLine(note)}</p>}
      {accuracy && (
        <Table
          label={`Errors of ${name}`}
          columns={["error", "value"]}
          rows={[
            ["loss, relative", formatError(accuracy.lossRelError)],
            ["gradient, relative L2", formatError(accuracy.gradient.relL2)],
            ["largest, ULP", formatCount(accuracy.gradient.maxUlp)],
            ["99th percentile, ULP", formatCount(accuracy.gradient.p99Ulp)],
            ["largest, absolute", formatError(accuracy.gradient.maxAbs)],
            ["largest |Σ of a row|", formatError(accuracy.gradient.rowSumResidual)],
            ["non-finite entries", formatCount(accuracy.gradient.nonFinite)],
            ...rangeRows(accuracy.gradient),
          ]}
        />
      )}
      {timed.length > 0 && (
        <Figure
          caption="Samples in the order in which they were taken; the line is the median"
          numbers={{
            name: "samples",
            columns: ["phase", "sample", "ns"],
            rows: timed.flatMap(({ phase, timing: { samples } }) =>
              samples.map((ns, index) => [phase, index + 1, ns]),
            ),
          }}
        >
          <Table
            label={`Times of ${name}`}
            columns={["phase", "median", "95 % interval", "median of", "samples", "settled"]}
            rows={timed.map(({ phase, timing }) => {
              const { medianNs, samples, steadiness } = timing;
              const interval = intervalOf(timing);
              return [
                phase,
                formatDuration(medianNs),
                interval ? formatInterval(medianNs, interval) : noInterval(timing),
                describeObservations(timing),
                formatCount(samples.length),
                steadiness ? SETTLED[steadiness] : "not recorded",
              ];
            })}
          />
          <Chart options={options} label={`Samples of ${name}`} />
        </Figure>
      )}
      {gradientDigest && <p class="digest">gradient {oneLine(gradientDigest)}</p>}
    </article>
  );
}

/** The reason why a time has no interval. Samples of one process say nothing of the next one. */
const noInterval = ({ scope }: Timing): string =>
  scope === "process" ? "one process only" : "too few for one";

function samplePlot({ timing }: Cell): ChartOptions {
  const points = PHASES.flatMap((phase) =>
    (timing?.[phase]?.samples ?? []).map((ns, index) => ({ phase, index: index + 1, ms: ns / 1e6 })),
  );
  const medians = PHASES.flatMap((phase) => {
    const of = timing?.[phase];
    return of ? [{ phase, ms: of.medianNs / 1e6 }] : [];
  });
  return {
    height: 60 + 110 * medians.length,
    marginLeft: 60,
    marginRight: 80,
    grid: true,
    x: { label: "sample →", tickFormat: "d" },
    y: { label: "↑ ms", zero: true, ticks: 4 },
    fy: { label: null, domain: medians.map(({ phase }) => phase) },
    marks: [
      Plot.frame({ strokeOpacity: 0.2 }),
      Plot.ruleY(medians, { fy: "phase", y: "ms", strokeOpacity: 0.6 }),
      Plot.dot(points, { fy: "phase", x: "index", y: "ms", r: 2, fill: "currentColor", fillOpacity: 0.6 }),
    ],
  };
}
