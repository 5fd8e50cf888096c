import stringWidth from "string-width";
import type { Block } from "./block.js";

type Table = Extract<Block, { kind: "table" }>;

/** A table for a terminal. */
export interface FittedTable {
  /** Its columns, by index. */
  readonly columns: readonly number[];
  /** Widths of columns that are broken into lines; null for the others. */
  readonly widths: readonly (number | null)[];
  /** Columns that are left out, in the order of the table. */
  readonly leftOut: readonly number[];
}

/** Spaces between columns. */
export const GAP = 2;

/** The narrowest column of prose, in characters. */
const NARROWEST_PROSE = 30;

/**
 * Fits a table to a terminal: breaks lines in the widest columns (of numbers, only the titles), and leaves out
 * optional columns where that is not enough. What still does not fit is wider than the terminal. Empty columns are left
 * out everywhere.
 *
 * @param width of the terminal in characters; undefined for a file or a pipe, which has room for everything
 */
export function fitToWidth(
  { header, rows, numeric, prose, optional = [] }: Table,
  width: number | undefined,
): FittedTable {
  const used = header.map((_, column) => column).filter((column) => rows.some((row) => row[column] !== ""));
  const widthsOf = (column: number, texts: (text: string) => string[]) => {
    const values = rows.map((row) => row[column] ?? "");
    const all = [...pieces(header[column] ?? ""), ...values.flatMap(texts)];
    return Math.max(...all.map((text) => stringWidth(text.trimEnd())));
  };
  if (width === undefined) {
    const widths = used.map((column) =>
      prose?.columns.includes(column) ? Math.max(prose.width, widthsOf(column, pieces)) : null,
    );
    return { columns: used, widths, leftOut: [] };
  }
  const natural = new Map(
    used.map((column) => [
      column,
      Math.max(
        stringWidth(header[column] ?? ""),
        widthsOf(column, (text) => [text]),
      ),
    ]),
  );
  const least = new Map(
    used.map((column) => [
      column,
      prose?.columns.includes(column)
        ? Math.max(Math.min(NARROWEST_PROSE, natural.get(column) ?? 0), widthsOf(column, pieces))
        : widthsOf(column, (text) => (numeric.includes(column) ? [text] : pieces(text))),
    ]),
  );
  const total = (columns: readonly number[], widths: ReadonlyMap<number, number>) =>
    columns.reduce((sum, column) => sum + (widths.get(column) ?? 0), GAP * (columns.length - 1));
  const leftOut: number[] = [];
  const isShown = (column: number) => !leftOut.includes(column);
  for (const column of optional.filter((each) => used.includes(each))) {
    if (total(used.filter(isShown), least) > width) leftOut.push(column);
  }
  const columns = used.filter(isShown);
  const narrowed = shrink(columns, { natural, least, excess: total(columns, natural) - width });
  return {
    columns,
    widths: columns.map((column) => narrowed.get(column) ?? null),
    leftOut: leftOut.toSorted((a, b) => a - b),
  };
}

/** Words, and the parts of places and methods: `tfjs-wasm@`, `chromium`; `manual/`, `fused`. */
const pieces = (text: string): string[] => text.split(/(?<=[ @/])/);

/** Breaks a text into lines: between words, and within one that is wider. A piece that is wider has a line of its own. */
export function breakLines(text: string, width: number): string {
  const fits = (line: string) => stringWidth(line.trimEnd()) <= width;
  const parts = text.split(/(?<= )/).flatMap((word) => (fits(word) ? [word] : pieces(word)));
  const lines: string[] = [];
  for (const part of parts) {
    const line = (lines.at(-1) ?? "") + part;
    if (lines.length > 0 && fits(line)) lines.splice(-1, 1, line);
    else lines.push(part);
  }
  return lines.map((line) => line.trimEnd()).join("\n");
}

/** Takes characters from the widest columns, none of which gets narrower than its least width. @returns their widths */
function shrink(
  columns: readonly number[],
  {
    natural,
    least,
    excess,
  }: { natural: ReadonlyMap<number, number>; least: ReadonlyMap<number, number>; excess: number },
): ReadonlyMap<number, number> {
  const narrowed = new Map<number, number>();
  const widthOf = (column: number) => narrowed.get(column) ?? natural.get(column) ?? 0;
  for (let rest = excess; rest > 0; rest--) {
    const [widest] = columns
      .filter((column) => widthOf(column) > (least.get(column) ?? 0))
      .toSorted((a, b) => widthOf(b) - widthOf(a));
    if (widest === undefined) break;
    narrowed.set(widest, widthOf(widest) - 1);
  }
  return narrowed;
}
