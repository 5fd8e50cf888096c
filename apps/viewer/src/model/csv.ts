import { countObservations, type Timing } from "@softmax-bench/core";
import { csvFormatRows } from "d3-dsv";

/** The numbers behind a figure. */
export interface Numbers {
  /** Of the file that they are saved as, without its ending. */
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number | undefined)[])[];
}

/** The columns that qualify a time. */
export const QUALIFIERS = ["n", "steadiness", "resolution"] as const;

/** The fields of those columns, empty without a time. @param resolution of the time, as a ratio minus 1 */
export const qualify = (timing: Timing | undefined, resolution: number | undefined) =>
  timing ? [countObservations(timing), timing.steadiness, resolution] : [undefined, undefined, undefined];

/** Text that a spreadsheet would take for a formula is quoted for it, since results may come from anywhere. */
const inert = (text: string): string => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);

const field = (value: string | number | undefined): string =>
  typeof value === "string" ? inert(value) : value === undefined ? "" : String(value);

export const toCsv = ({ columns, rows }: Numbers): string =>
  `${csvFormatRows([[...columns], ...rows.map((row) => row.map(field))])}\n`;
