import { csvFormatRows } from "d3-dsv";

/** The numbers behind a figure. */
export interface Numbers {
  /** Of the file that they are saved as, without its ending. */
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number | undefined)[])[];
}

/** Text that a spreadsheet would take for a formula is quoted for it, since results may come from anywhere. */
const inert = (text: string): string => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);

const field = (value: string | number | undefined): string =>
  typeof value === "string" ? inert(value) : value === undefined ? "" : String(value);

export const toCsv = ({ columns, rows }: Numbers): string =>
  `${csvFormatRows([[...columns], ...rows.map((row) => row.map(field))])}\n`;
