import { plural } from "@softmax-bench/core";
import {
  type CellComparison,
  type Comparison,
  MOST_BLOCKS,
  type Outcome,
  outcomeOf,
  percent,
  tally,
  VERDICTS,
} from "@softmax-bench/regression";
import { absentList } from "./absent.js";
import type { Block } from "./block.js";
import { formatDuration, formatError } from "./format.js";

const HEADLINES: Readonly<Record<Outcome, string>> = {
  pass: "No regression",
  regression: "Regression",
  incomplete: "Incomplete: cells that should have run did not",
  incomparable: "Nothing comparable",
};

/** What a comparison says. @param rows cells that get a row in the table, the worst first */
export function comparisonBlocks(comparison: Comparison, rows: number): Block[] {
  const { baseline, candidate, limits, notes, notCompared } = comparison;
  const worst = VERDICTS.flatMap((verdict) => comparison.cells.filter((cell) => cell.verdict === verdict));
  const shown = worst.slice(0, rows);
  const left = worst.length - shown.length;
  const counts = Object.entries(tally(comparison)).filter(([, count]) => count > 0);
  const sideOf = ({ name, commit }: Comparison["baseline"]) => `${name} (commit ${commit ?? "unknown"})`;
  const { cpu, cores, node } = candidate.environment;
  return [
    {
      kind: "heading",
      level: 1,
      text: `${HEADLINES[outcomeOf(comparison)]}: ${candidate.name} against ${baseline.name}`,
    },
    {
      kind: "paragraph",
      text: `${plural(comparison.cells.length, "cell")} compared: ${counts.map(([verdict, count]) => `${count} ${verdict}`).join(", ") || "none"}.`,
      emphasis: true,
    },
    ...(shown.length ? [cellTable(shown)] : []),
    ...(left > 0 && shown.length > 0
      ? [{ kind: "paragraph", text: `${plural(left, "more cell")}, none worse than these.` } as const]
      : []),
    ...absentList(notCompared.map(({ kind, ...cell }) => ({ ...cell, status: STATUS[kind] }))),
    {
      kind: "list",
      items: [
        `baseline: ${sideOf(baseline)}; candidate: ${sideOf(candidate)}`,
        `machine: ${cpu}, ${plural(cores, "core")}, Node ${node}`,
        `limits: slowdown ${percent(limits.maxSlowdown)}, error growth ${percent(limits.maxErrorGrowth)}`,
        ...notes,
        "docs/regression-gate.md says what each verdict means.",
      ],
    },
  ];
}

const STATUS = { broken: "did not run", nowhere: "not here", "one-sided": "not compared" } as const;

const cellTable = (cells: readonly CellComparison[]): Block => ({
  kind: "table",
  header: [
    ...["verdict", "backend", "method", "dtype", "workload"],
    ...["baseline", "candidate", "slowdown", "interval", "blocks", "rel. L2", "why"],
  ],
  numeric: [5, 6, 7, 8, 9, 10],
  rows: cells.map((cell) => {
    const { verdict, backend, method, dtype, workload, time, error } = cell;
    return [
      ...[verdict, backend, method, dtype, workload],
      ...(time
        ? [
            formatDuration(time.baselineNs),
            formatDuration(time.candidateNs),
            percent(time.slowdown),
            `[${time.interval.map(percent).join(", ")}]`,
            time.blocks ? String(time.blocks) : "",
          ]
        : ["", "", "", "", ""]),
      errorColumn(error),
      whyOf(cell),
    ];
  }),
});

function errorColumn(error: CellComparison["error"]): string {
  if (!error) return "";
  const { baseline, candidate } = error;
  if (candidate === undefined) return "";
  if (baseline === undefined || baseline === candidate) return formatError(candidate);
  return `${formatError(baseline)} → ${formatError(candidate)}`;
}

/** The reasons of the parts that made the verdict, and what else changed. */
export function whyOf({ verdict, time, error, causes }: CellComparison): string {
  const reasons = [
    ...(time?.verdict === verdict ? [`time: ${time.reason}${moreBlocks(time)}`] : []),
    ...(error?.verdict === verdict ? [`error: ${error.reason}`] : []),
  ];
  const because = causes.length ? [`probable cause: ${causes.join(", ")}`] : [];
  return [...reasons, ...because].join("; ");
}

function moreBlocks({ moreBlocks: more }: NonNullable<CellComparison["time"]>): string {
  if (more === undefined) return "";
  return more === Number.POSITIVE_INFINITY
    ? ` (more than ${MOST_BLOCKS} more blocks would settle it)`
    : ` (about ${plural(more, "more block")} would settle it)`;
}
