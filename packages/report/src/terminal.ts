import type { Environment, HostRecord, Results } from "@softmax-bench/core";
import type { Comparison } from "@softmax-bench/regression";
import Table from "cli-table3";
import { createColors } from "picocolors";
import { availabilityTable, type ExaminedBackend, hostsTable } from "./availability.js";
import type { Block } from "./block.js";
import { comparisonBlocks } from "./comparison.js";
import { buildDocument } from "./document.js";
import { type GradcheckRecord, gradcheckBlocks } from "./gradcheck.js";
import { type GradientRecord, gradientBlocks } from "./gradients.js";
import { type GradientVerdict, judgementBlocks } from "./judgement.js";
import { limitBlocks, type NativeTime } from "./limit.js";
import { oneLine } from "./untrusted.js";
import type { ReportView } from "./view.js";

export interface TerminalOptions {
  readonly color: boolean;
}

/** Renders a report as text for a terminal. Nothing is conveyed by colour alone. */
export const renderTerminal = (view: ReportView, options: TerminalOptions): string =>
  renderBlocks(buildDocument(view, "brief"), options);

/** Renders what is available here, what is not, why, and how to fix it. */
export const renderDoctor = (
  backends: readonly ExaminedBackend[],
  { simd }: Pick<Environment, "simd">,
  options: TerminalOptions,
): string => renderBlocks([availabilityTable(backends, simd)], options);

/** Renders the available browsers. */
export const renderHosts = (hosts: readonly HostRecord[], options: TerminalOptions): string =>
  renderBlocks([{ kind: "paragraph", text: "" }, hostsTable(hosts)], options);

/** Renders every gradient of a user's arrays with its errors. */
export const renderGradients = (records: readonly GradientRecord[], options: TerminalOptions): string =>
  renderBlocks(gradientBlocks(records), options);

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

function renderBlocks(blocks: readonly Block[], { color }: TerminalOptions): string {
  const paint = createColors(color);
  return blocks.map((block) => render(block, paint)).join("\n");
}

type Paint = ReturnType<typeof createColors>;

function render(block: Block, paint: Paint): string {
  switch (block.kind) {
    case "heading":
      return `${block.level < 3 ? "\n" : ""}${paint.bold(oneLine(block.text))}`;
    case "paragraph":
      return block.emphasis ? paint.green(oneLine(block.text)) : paint.dim(oneLine(block.text));
    case "image":
      return paint.dim(`${oneLine(block.text)}: ${block.file}`);
    case "list":
      return block.items.map((item) => `  ${oneLine(item)}`).join("\n");
    case "table":
      return table(block, paint);
  }
}

const NO_BORDERS = Object.fromEntries(
  ["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"]
    .concat(["left", "left-mid", "mid", "mid-mid", "right", "right-mid"])
    .map((edge) => [edge, ""]),
);

/** Number of rows drawn at once: the library's time grows with the square of their number. */
const CHUNK = 100;

function table({ header, rows, numeric, prose }: Extract<Block, { kind: "table" }>, paint: Paint): string {
  const used = header.map((_, column) => rows.some((row) => row[column] !== ""));
  const keep = <T>(cells: readonly T[]): T[] => cells.filter((_, column) => used[column]);
  const titles = keep(header.map((title) => paint.bold(title)));
  const lines = [titles, ...rows.map((row) => keep(row).map(oneLine))];
  const chunks = Array.from({ length: Math.ceil(lines.length / CHUNK) }, (_, index) =>
    lines.slice(index * CHUNK, (index + 1) * CHUNK),
  );
  const draw = (chunk: readonly string[][], widths: readonly (number | null)[]) => {
    const drawn = new Table({
      colAligns: keep(header.map((_, column) => (numeric.includes(column) ? "right" : "left"))),
      colWidths: [...widths],
      wordWrap: prose !== undefined,
      chars: { ...NO_BORDERS, middle: "  " },
      style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
    });
    drawn.push(...chunk);
    return { text: drawn.toString(), widths: drawn.options.colWidths };
  };
  const given = keep(header.map((_, column) => (prose?.columns.includes(column) ? prose.width : null)));
  if (chunks.length === 1) return draw(lines, given).text;
  // Drawing determines the open widths; the widest of all chunks are used.
  const drawn = chunks.map((chunk) => draw(chunk, given).widths);
  const widest = given.map((_, column) => Math.max(...drawn.map((widths) => Number(widths[column]))));
  return chunks.map((chunk) => draw(chunk, widest).text).join("\n");
}
