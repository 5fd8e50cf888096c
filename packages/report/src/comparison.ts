import { plural } from "@softmax-bench/core";
import {
  type CellComparison,
  type Comparison,
  MOST_BLOCKS,
  type Outcome,
  percent,
  tally,
  timeChange,
  toOutcome,
  VERDICTS,
  type Verdict,
} from "@softmax-bench/regression";
import { absentList } from "./absent.js";
import type { Block } from "./block.js";
import { formatCount, formatDuration, formatError } from "./format.js";

const HEADLINES: Readonly<Record<Outcome, string>> = {
  pass: "No regression",
  regression: "Regression",
  incomplete: "Incomplete: cells that should have run did not",
  incomparable: "Nothing comparable",
};

/** The headline for runs that were not measured in turns: differences, which are not judged. */
function adviceHeadline(comparison: Comparison): string {
  const { cells, notCompared } = comparison;
  const count = (...verdicts: readonly Verdict[]) =>
    cells.filter(({ verdict }) => verdicts.includes(verdict)).length;
  const broken = notCompared.filter(({ kind }) => kind === "broken");
  const brokenBefore = broken.filter(({ brokenIn }) => brokenIn === "baseline").length;
  if (toOutcome(comparison) === "incomparable") return HEADLINES.incomparable;
  const parts = [
    [count("slower"), "slower"],
    [count("faster"), "faster"],
    [count("regression"), "with a larger error"],
    [broken.length - brokenBefore, "did not run"],
    [brokenBefore, "did not run in the baseline"],
  ] as const;
  const differing = parts.filter(([number]) => number > 0);
  if (differing.length === 0) return "No difference beyond the resolution";
  return differing.map(([number, what]) => `${number} ${what}`).join(", ");
}

/** A verdict in words: only a gate may report a regression. */
export const verdictWord = (verdict: Verdict, { judges }: Pick<Comparison, "judges">): string =>
  verdict === "regression" && !judges ? "larger error" : verdict;

/**
 * The blocks of a comparison. @param rows cells with a row in the table: for a gate the worst first, for advice the
 * largest difference first
 */
export function comparisonBlocks(comparison: Comparison, rows: number): Block[] {
  const { baseline, candidate, limits, notes, notCompared, judges, warnings } = comparison;
  const worst = VERDICTS.flatMap((verdict) => comparison.cells.filter((cell) => cell.verdict === verdict));
  const shown = (judges ? worst : worst.toSorted((a, b) => magnitude(b) - magnitude(a))).slice(0, rows);
  const left = worst.length - shown.length;
  const counts = Object.entries(tally(comparison)).filter(([, count]) => count > 0);
  const { cpu, cores } = candidate.environment;
  const headline = judges ? HEADLINES[toOutcome(comparison)] : adviceHeadline(comparison);
  return [
    {
      kind: "heading",
      level: 1,
      text: `${headline}: ${candidate.name} against ${baseline.name}`,
    },
    ...warnings.map((text): Block => ({ kind: "paragraph", text, emphasis: true })),
    {
      kind: "paragraph",
      text: `${plural(comparison.cells.length, "cell")} compared: ${counts.map(([verdict, count]) => `${count} ${verdictWord(verdict as Verdict, comparison)}`).join(", ") || "none"}.${excluded(comparison)}`,
      emphasis: true,
    },
    ...cellTables(shown, comparison),
    ...(left > 0 && shown.length > 0
      ? [
          {
            kind: "paragraph",
            text: `${plural(left, "more cell")}, ${judges ? "none worse than these" : "none with a larger difference"}.`,
          } as const,
        ]
      : []),
    ...absentList(notCompared.map(({ kind, ...cell }) => ({ ...cell, status: STATUS[kind] }))),
    {
      kind: "list",
      items: [
        `baseline: ${sideText(baseline)}`,
        `candidate: ${sideText(candidate)}`,
        `machine: ${cpu}, ${plural(cores, "core")}`,
        `limits: ${comparison.only === "errors" ? "" : `slowdown ${percent(limits.maxSlowdown)}, `}error growth ${percent(limits.maxErrorGrowth)}${shown.some(({ instructions }) => instructions) ? `, growth of instructions ${percent(limits.maxInstructionGrowth)}` : ""}`,
        ...notes,
        "docs/regression-gate.md says what each verdict means.",
      ],
    },
  ];
}

/** One side and everything that decides what was run: `main (commit 1a2b, clean; lockfile 3c4d; Node v20.20.0)`. */
export function sideText({ name, commit, lockfile, environment }: Comparison["baseline"]): string {
  const [hash, isDirty] = [commit?.replace(/-dirty$/, ""), commit?.endsWith("-dirty")];
  const state = hash
    ? `commit ${hash}, ${isDirty ? "with changes that are not committed" : "clean"}`
    : "commit unknown";
  return `${name} (${[state, lockfile && `lockfile ${lockfile}`, `Node ${environment.node}`].filter(Boolean).join("; ")})`;
}

/** The number of requested cells and, by kind, of those not compared; the list of reasons follows. */
function excluded({ cells, notCompared }: Comparison): string {
  if (notCompared.length === 0) return "";
  const kinds = Object.entries(STATUS).flatMap(([kind, status]) => {
    const count = notCompared.filter((cell) => cell.kind === kind).length;
    return count ? [`${count} ${status}`] : [];
  });
  return ` Of ${cells.length + notCompared.length} in all, ${notCompared.length} excluded: ${kinds.join(", ")}.`;
}

/** The magnitude of a difference of times, in either direction. */
const magnitude = ({ time }: CellComparison): number => Math.abs(Math.log1p(time?.slowdown ?? 0));

const STATUS = {
  broken: "did not run",
  nowhere: "not here",
  "one-sided": "not compared",
  "no-time": "no time",
} as const;

const cellTable = (cells: readonly CellComparison[], comparison: Comparison): Block => ({
  kind: "table",
  header: [
    ...["verdict", "backend", "method", "dtype", "workload"],
    ...(comparison.inTurns ? ["baseline p10", "candidate p10"] : ["baseline", "candidate"]),
    ...["slowdown", "interval", "blocks", "rel. L2", "why"],
  ],
  numeric: [5, 6, 7, 8, 9, 10],
  optional: [9, 10, 5, 6],
  rows: cells.map((cell) => {
    const { verdict, backend, method, dtype, workload, time, error } = cell;
    return [
      ...[verdictWord(verdict, comparison), backend, method, dtype, workload],
      ...(time
        ? [
            formatDuration(time.baselineNs),
            formatDuration(time.candidateNs),
            timeChange(time.slowdown),
            `[${time.interval.map(timeChange).join(", ")}]`,
            time.blocks ? String(time.blocks) : "",
          ]
        : ["", "", "", "", ""]),
      errorColumn(error),
      explainVerdict(cell),
    ];
  }),
});

/** A table of times and errors, and one of instructions: each of the cells that have them. */
function cellTables(cells: readonly CellComparison[], comparison: Comparison): Block[] {
  const measured = cells.filter(({ time, error }) => time ?? error);
  const counted = cells.flatMap(({ instructions, ...cell }) =>
    instructions ? [{ ...cell, instructions }] : [],
  );
  return [
    ...(measured.length
      ? [comparison.only === "errors" ? errorTable(measured) : cellTable(measured, comparison)]
      : []),
    ...(counted.length ? [instructionTable(counted)] : []),
  ];
}

const instructionTable = (
  cells: readonly (CellComparison & Required<Pick<CellComparison, "instructions">>)[],
): Block => ({
  kind: "table",
  header: [
    ...["verdict", "backend", "method", "dtype", "workload"],
    ...["baseline instructions", "candidate instructions", "growth", "why"],
  ],
  numeric: [5, 6, 7],
  optional: [],
  rows: cells.map(({ backend, method, dtype, workload, instructions }) => {
    const { verdict, baseline, candidate, growth, reason } = instructions;
    return [
      ...[verdict, backend, method, dtype, workload],
      ...[formatCount(baseline), formatCount(candidate), percentWithTenths(growth), reason],
    ];
  }),
});

const percentWithTenths = (growth: number): string =>
  `${growth < 0 ? "−" : "+"}${Math.abs(100 * growth).toFixed(2)} %`;

const errorTable = (cells: readonly CellComparison[]): Block => ({
  kind: "table",
  header: ["verdict", "backend", "method", "dtype", "workload", "rel. L2", "why"],
  numeric: [5],
  optional: [],
  rows: cells.map((cell) => {
    const { verdict, backend, method, dtype, workload, error } = cell;
    return [verdict, backend, method, dtype, workload, errorColumn(error), explainVerdict(cell)];
  }),
});

function errorColumn(error: CellComparison["error"]): string {
  if (!error) return "";
  const { baseline, candidate } = error;
  if (candidate === undefined) return "";
  if (baseline === undefined || baseline === candidate) return formatError(candidate);
  return `${formatError(baseline)} → ${formatError(candidate)}`;
}

/** The reasons of the parts that made the verdict, and the other changes. */
export function explainVerdict({ verdict, time, error, instructions, causes }: CellComparison): string {
  const reasons = [
    ...(time?.verdict === verdict ? [`time: ${time.reason}${moreBlocks(time)}`] : []),
    ...(error?.verdict === verdict ? [`error: ${error.reason}`] : []),
    ...(instructions?.verdict === verdict
      ? [`instructions ${percentWithTenths(instructions.growth)}: ${instructions.reason}`]
      : []),
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
