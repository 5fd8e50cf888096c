/** A part of a report, which each output renders in its own way. */
export type Block =
  | { readonly kind: "heading"; readonly level: 1 | 2 | 3; readonly text: string }
  | { readonly kind: "paragraph"; readonly text: string; readonly emphasis?: boolean }
  /** A file next to the report; the text describes its content. */
  | { readonly kind: "image"; readonly file: string; readonly text: string }
  | { readonly kind: "list"; readonly items: readonly string[] }
  | {
      readonly kind: "table";
      readonly header: readonly string[];
      readonly rows: readonly (readonly string[])[];
      /** Columns of numbers, which are right-aligned. */
      readonly numeric: readonly number[];
      /** Columns of prose, which a terminal breaks into lines of that width in characters. */
      readonly prose?: { readonly columns: readonly number[]; readonly width: number };
      /** Columns that a narrow terminal leaves out, the first one first. */
      readonly optional?: readonly number[];
    };
