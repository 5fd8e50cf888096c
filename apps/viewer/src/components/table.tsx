import { oneLine } from "@softmax-bench/report/model";
import { Scroll } from "./scroll.js";

/** Columns that hold numbers in every row are set flush right; those with long texts have lines broken. */
export function Table({
  label,
  columns,
  rows,
}: {
  label: string;
  columns: readonly string[];
  rows: readonly (readonly string[])[];
}) {
  const numeric = columns.map((_, column) =>
    rows.every((row) => /^[−\-≥=~∞\d[]|^$|^NaN/.test(row[column] ?? "")),
  );
  const prose = columns.map((_, column) => rows.some((row) => (row[column] ?? "").length > 80));
  const align = (column: number) => (numeric[column] ? "number" : prose[column] ? "prose" : undefined);
  return (
    <Scroll label={label}>
      <table aria-label={label}>
        <thead>
          <tr>
            {columns.map((title, column) => (
              <th key={title} scope="col" class={align(column)}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              {row.map((text, column) => (
                <td key={columns[column]} class={align(column)}>
                  {oneLine(text)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
