import type { Environment, FloatDType, HostRecord, Results } from "@softmax-bench/core";
import type { Comparison } from "@softmax-bench/regression";
import Table from "cli-table3";
import { createColors } from "picocolors";
import wrapAnsi from "wrap-ansi";
import { availabilityTable, type ExaminedBackend, hostsTable } from "./availability.js";
import type { Block } from "./block.js";
import { comparisonBlocks } from "./comparison.js";
import { buildDocument } from "./document.js";
import { breakLines, fitToWidth, GAP } from "./fit-to-width.js";
import { type GradcheckRecord, gradcheckBlocks } from "./gradcheck.js";
import type { GradientRecord } from "./gradient-record.js";
import { gradientBlocks } from "./gradients.js";
import { type GradientVerdict, judgementBlocks } from "./judgement.js";
import { limitBlocks, type NativeTime } from "./limit.js";
import { buildSummary } from "./summary.js";
import { oneLine } from "./untrusted.js";
import type { ReportView } from "./view.js";

export interface TerminalOptions {
  readonly color: boolean;
  /** Columns of the terminal; undefined for a file or a pipe. */
  readonly width?: number | undefined;
}

/** Renders a report as text for a terminal. Nothing is conveyed by colour alone. */
export const renderTerminal = (view: ReportView, options: TerminalOptions): string =>
  renderBlocks(buildDocument(view, "brief"), options);

/** Renders the answers of a report: the fastest of each workload and dtype, and the next backend. */
export const renderSummary = (view: ReportView, options: TerminalOptions): string =>
  renderBlocks(buildSummary(view), options);

/** Renders what is available here, what is not, why, and how to fix it. */
export const renderDoctor = (
  backends: readonly ExaminedBackend[],
  { simd }: Pick<Environment, "simd">,
  options: TerminalOptions,
): string => renderBlocks([availabilityTable(backends, simd)], options);

/** Renders the available browsers. */
export const renderHosts = (hosts: readonly HostRecord[], options: TerminalOptions): string =>
  renderBlocks([{ kind: "paragraph", text: "" }, hostsTable(hosts)], options);

/** Renders every gradient of a user's arrays with its errors. @param busy the reason to doubt their times, if there is one */
export const renderGradients = (
  records: readonly GradientRecord[],
  dtype: FloatDType,
  busy: string | undefined,
  options: TerminalOptions,
): string => renderBlocks(gradientBlocks(records, dtype, busy), options);

/** Renders the verdict on a gradient that another program computed. */
export const renderJudgement = (verdict: GradientVerdict, options: TerminalOptions): string =>
  renderBlocks(judgementBlocks(verdict), options);

/** Renders the result of a gradient check. */
export const renderGradcheck = (
  records: readonly GradcheckRecord[],
  derivation: readonly string[],
  options: TerminalOptions,
): string => renderBlocks(gradcheckBlocks(records, derivation), options);

/** Renders the comparison of a run's gradients with native code. */
export const renderLimit = (
  results: Results,
  native: readonly NativeTime[],
  compiler: string,
  options: TerminalOptions,
): string => renderBlocks(limitBlocks(results, native, compiler), options);

/** Renders a comparison: every cell except those that passed. */
export function renderComparison(comparison: Comparison, options: TerminalOptions): string {
  const notable = comparison.cells.filter(({ verdict }) => verdict !== "pass").length;
  return renderBlocks(comparisonBlocks(comparison, notable), options);
}

function renderBlocks(blocks: readonly Block[], { color, width }: TerminalOptions): string {
  const paint = createColors(color);
  return blocks.map((block) => render(block, paint, width)).join("\n");
}

type Paint = ReturnType<typeof createColors>;

function render(block: Block, paint: Paint, width: number | undefined): string {
  switch (block.kind) {
    case "heading":
      return `${block.level < 3 ? "\n" : ""}${paint.bold(wrap(block.text, width))}`;
    case "paragraph":
      return (block.emphasis ? paint.green : paint.dim)(wrap(block.text, width));
    case "image":
      return paint.dim(wrap(`${block.text}: ${block.file}`, width));
    case "list":
      return block.items.map((item) => `  ${wrap(item, width && width - 4, "\n    ")}`).join("\n");
    case "table":
      return table(block, paint, width);
  }
}

/** One line, broken between words if it is longer than the width. */
const wrap = (text: string, width: number | undefined, lineEnd = "\n"): string =>
  width === undefined ? oneLine(text) : wrapAnsi(oneLine(text), width).replaceAll("\n", lineEnd);

const NO_BORDERS = Object.fromEntries(
  ["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"]
    .concat(["left", "left-mid", "mid", "mid-mid", "right", "right-mid"])
    .map((edge) => [edge, ""]),
);

/** Number of rows drawn at once: the library's time grows with the square of their number. */
const CHUNK = 100;

function table(given: Extract<Block, { kind: "table" }>, paint: Paint, width: number | undefined): string {
  const { header, numeric } = given;
  const rows = given.rows.map((row) => row.map(oneLine));
  const { columns, widths, leftOut } = fitToWidth({ ...given, rows }, width);
  const fit = (row: readonly string[]) =>
    columns.map((column, index) => {
      const columnWidth = widths[index];
      return columnWidth ? breakLines(row[column] ?? "", columnWidth) : (row[column] ?? "");
    });
  const titles = fit(header).map((title) => title.split("\n").map(paint.bold).join("\n"));
  const lines = [titles, ...rows.map(fit)];
  const chunks = Array.from({ length: Math.ceil(lines.length / CHUNK) }, (_, index) =>
    lines.slice(index * CHUNK, (index + 1) * CHUNK),
  );
  const draw = (chunk: readonly string[][], colWidths: readonly (number | null)[]) => {
    const drawn = new Table({
      colAligns: columns.map((column) => (numeric.includes(column) ? "right" : "left")),
      colWidths: [...colWidths],
      chars: { ...NO_BORDERS, middle: " ".repeat(GAP) },
      style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
    });
    drawn.push(...chunk);
    return { text: trimEnds(drawn.toString()), widths: drawn.options.colWidths };
  };
  const note = leftOut.length
    ? `\n${paint.dim(wrap(`Left out, as the terminal is too narrow: ${leftOut.map((column) => header[column]).join(", ")}.`, width))}`
    : "";
  if (chunks.length === 1) return draw(lines, widths).text + note;
  // Drawing determines the open widths; the widest of all chunks are used.
  const drawn = chunks.map((chunk) => draw(chunk, widths).widths);
  const widest = widths.map((_, column) => Math.max(...drawn.map((each) => Number(each[column]))));
  return chunks.map((chunk) => draw(chunk, widest).text).join("\n") + note;
}

const trimEnds = (text: string): string => text.replaceAll(/ +$/gm, "");
