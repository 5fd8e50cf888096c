import * as Plot from "@observablehq/plot";
import { type BackendRecord, type Cell, PHASES, type Phase, plural } from "@softmax-bench/core";
import { formatBytes, formatDuration } from "@softmax-bench/report/model";
import { useMemo, useState } from "preact/hooks";
import { useBestFirst } from "../components/best-first.js";
import { Chart, type ChartOptions, marginFor } from "../components/chart.js";
import { OneOf, shortName } from "../components/choices.js";
import { Figure } from "../components/figure.js";
import { explainMark, rowLabel } from "../components/row-label.js";
import { colorOf, colorScale } from "../model/colors.js";
import { phaseShares } from "../model/phases.js";
import { haveSettled, settledFirst } from "../model/settled.js";
import { Section } from "./section.js";

/** The distributions behind the medians. */
export function Distributions({
  cells,
  backends,
  isEligible,
}: {
  cells: readonly Cell[];
  backends: readonly BackendRecord[];
  isEligible: (cell: Cell) => boolean;
}) {
  const measured = useMemo(() => cells.filter(({ timing }) => timing?.gradient), [cells]);
  if (measured.length === 0) return null;
  return (
    <Section id="distributions" title="Distributions">
      <Strips cells={measured} isEligible={isEligible} />
      <Phases cells={measured} isEligible={isEligible} />
      <Starts backends={backends} />
    </Section>
  );
}

/** Fastest first in a phase; after them, those whose times had not settled. */
const byMedian = (cells: readonly Cell[], phase: Phase, isSettled: (cell: Cell) => boolean): Cell[] =>
  settledFirst(
    cells,
    isSettled,
    (a, b) => (a.timing?.[phase]?.medianNs ?? 0) - (b.timing?.[phase]?.medianNs ?? 0),
  );

interface CellsShown {
  readonly cells: readonly Cell[];
  readonly isEligible: (cell: Cell) => boolean;
}

function Strips({ cells, isEligible }: CellsShown) {
  const [phase, setPhase] = useState<Phase>("gradient");
  const isSettled = (cell: Cell) => haveSettled(cell, [phase]);
  const sorted = useMemo(
    () => byMedian(cells, phase, isSettled).filter(({ timing }) => timing?.[phase]),
    [cells, phase],
  );
  const { rows, toggle, scope } = useBestFirst(sorted, (cell) => cell, isEligible);
  const options = useMemo(() => stripPlot(rows, phase), [rows, phase]);
  return (
    <>
      <OneOf<Phase> legend="Phase" options={PHASES.map((id) => [id, id])} value={phase} onChange={setPhase} />
      <Figure
        caption={`Every sample of the ${phase}${scope}; the tall tick is the median${explainMark(rows.every(isSettled))}`}
        numbers={{
          name: `samples-${phase}`,
          columns: ["backend", "method", "ns"],
          rows: cells.flatMap(({ backend, method, timing }) =>
            (timing?.[phase]?.samples ?? []).map((ns) => [backend, method, ns]),
          ),
        }}
      >
        <Chart
          options={options}
          label={`Samples of the ${phase} of ${plural(rows.length, "cell")}`}
          leastWidth={560}
        />
        {toggle}
      </Figure>
    </>
  );
}

/** @param sorted fastest first */
function stripPlot(sorted: readonly Cell[], phase: Phase): ChartOptions {
  const labelOf = (cell: Cell) => rowLabel(cell, haveSettled(cell, [phase]));
  const samples = sorted.flatMap((cell) =>
    (cell.timing?.[phase]?.samples ?? [])
      .filter((ns) => ns > 0)
      .map((ns) => ({ row: labelOf(cell), ms: ns / 1e6 })),
  );
  const medians = sorted.flatMap((cell) => {
    const ms = (cell.timing?.[phase]?.medianNs ?? 0) / 1e6;
    return ms > 0 ? [{ row: labelOf(cell), ms, color: colorOf(shortName(cell.backend)) }] : [];
  });
  return {
    height: 90 + 18 * sorted.length,
    marginLeft: marginFor(sorted.map(labelOf)),
    marginRight: 30,
    marginTop: 40,
    x: { type: "log", label: "ms →", grid: true, tickFormat: "~r", axis: "both" },
    y: { label: null, domain: sorted.map(labelOf) },
    color: { type: "identity" },
    marks: [
      Plot.tickX(samples, { x: "ms", y: "row", strokeOpacity: 0.35, inset: 4 }),
      Plot.tickX(medians, { x: "ms", y: "row", strokeWidth: 3, inset: 1, stroke: "color" }),
    ],
  };
}

/** A round trip is split by the times of three phases. */
const haveAllSettled = (cell: Cell): boolean => haveSettled(cell, ["gradient", "readback", "roundtrip"]);

function Phases({ cells, isEligible }: CellsShown) {
  const parts = useMemo(
    () =>
      byMedian(cells, "roundtrip", haveAllSettled).flatMap((cell) => {
        const shares = phaseShares(cell);
        return shares ? [{ cell, shares }] : [];
      }),
    [cells],
  );
  const { rows, toggle, scope } = useBestFirst(parts, ({ cell }) => cell, isEligible);
  const options = useMemo(() => phasePlot(rows), [rows]);
  if (parts.length === 0) return null;
  return (
    <Figure
      caption={`Where a round trip's time goes, fastest first${scope}${explainMark(rows.every(({ cell }) => haveAllSettled(cell)))}`}
      numbers={{
        name: "phases",
        columns: ["backend", "method", "compute ns", "read back ns", "upload ns", "settled"],
        rows: parts.map(({ cell, shares }) => [
          ...[cell.backend, cell.method, shares.compute, shares.readback],
          ...[shares.upload, String(haveAllSettled(cell))],
        ]),
      }}
    >
      <Chart
        options={options}
        label={`Phases of the round trip of ${plural(rows.length, "cell")}`}
        leastWidth={560}
      />
      {toggle}
    </Figure>
  );
}

function phasePlot(
  parts: readonly { cell: Cell; shares: NonNullable<ReturnType<typeof phaseShares>> }[],
): ChartOptions {
  const labelOf = ({ cell }: { cell: Cell }) => rowLabel(cell, haveAllSettled(cell));
  const bars = parts.flatMap(({ cell, shares }) => [
    { row: labelOf({ cell }), phase: "compute", ms: shares.compute / 1e6 },
    { row: labelOf({ cell }), phase: "read back", ms: shares.readback / 1e6 },
    { row: labelOf({ cell }), phase: "upload", ms: shares.upload / 1e6 },
  ]);
  // The slowest would leave no room for the others. They are cut off, and their ends show it.
  const totals = parts.map(({ shares }) => (shares.compute + shares.readback + shares.upload) / 1e6);
  const most = 12 * (totals[0] ?? 1);
  const longest = Math.max(...totals);
  return {
    height: 100 + 18 * parts.length,
    marginLeft: marginFor(parts.map(labelOf)),
    marginRight: 60,
    marginTop: 40,
    x: { label: "ms →", domain: [0, Math.min(most, longest)], grid: true, clamp: true, axis: "both" },
    y: { label: null, domain: parts.map(labelOf) },
    color: {
      domain: ["compute", "read back", "upload"],
      range: ["#4269d0", "#efb118", "#97bbf5"],
      legend: true,
    },
    marks: [
      Plot.barX(bars, { x: "ms", y: "row", fill: "phase", order: ["compute", "read back", "upload"] }),
      Plot.text(
        parts.filter((_, index) => (totals[index] ?? 0) > most),
        {
          x: most,
          y: labelOf,
          textAnchor: "start",
          dx: 4,
          text: ({ shares }) => formatDuration(shares.compute + shares.readback + shares.upload),
        },
      ),
    ],
  };
}

function Starts({ backends }: { backends: readonly BackendRecord[] }) {
  const started = useMemo(() => backends.filter(({ coldStartNs }) => coldStartNs !== undefined), [backends]);
  const cold = useMemo(
    () => lollipops(started, ({ coldStartNs = 0 }) => coldStartNs / 1e6, "ms", formatMs),
    [started],
  );
  const memory = useMemo(
    () => lollipops(started, ({ peakRssBytes = 0 }) => peakRssBytes / 2 ** 20, "MiB", formatMib),
    [started],
  );
  if (started.length === 0) return null;
  return (
    <Figure
      caption="Cold start: process start to first gradient. Peak memory: largest resident set of a measuring process"
      numbers={{
        name: "backends",
        columns: ["backend", "cold start ns", "peak resident bytes"],
        rows: started.map(({ id, coldStartNs, peakRssBytes }) => [id, coldStartNs, peakRssBytes]),
      }}
    >
      <h3>Cold start</h3>
      <Chart options={cold} label="Cold start of each backend" />
      <h3>Peak memory</h3>
      <Chart options={memory} label="Peak memory of each backend" />
    </Figure>
  );
}

const formatMs = (ms: number): string => formatDuration(1e6 * ms);
const formatMib = (mebibytes: number): string => formatBytes(mebibytes * 2 ** 20);

function lollipops(
  backends: readonly BackendRecord[],
  of: (backend: BackendRecord) => number,
  unit: string,
  format: (value: number) => string,
): ChartOptions {
  const sorted = backends
    .toSorted((a, b) => of(a) - of(b))
    .map((backend) => ({ id: shortName(backend.id), value: of(backend) }));
  return {
    height: 50 + 24 * sorted.length,
    marginLeft: 150,
    marginRight: 80,
    x: { label: `${unit} →`, grid: true, zero: true },
    y: { label: null, domain: sorted.map(({ id }) => id) },
    color: colorScale(sorted.map(({ id }) => id)),
    marks: [
      Plot.ruleY(sorted, { x: "value", y: "id", strokeWidth: 2, strokeOpacity: 0.4 }),
      Plot.dot(sorted, { x: "value", y: "id", fill: "id", r: 4 }),
      Plot.text(sorted, {
        x: "value",
        y: "id",
        text: ({ value }) => format(value),
        dx: 8,
        textAnchor: "start",
      }),
    ],
  };
}
