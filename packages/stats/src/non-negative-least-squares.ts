import { fcnnlsVector } from "ml-fcnnls";

/**
 * The x ≥ 0 with the least ‖A x − b‖₂ (Bro & de Jong 1997). Columns may differ by any factor in size.
 *
 * @param rows the rows of A
 * @throws RangeError unless there is a row, and one target per row
 */
export function nonNegativeLeastSquares(
  rows: readonly (readonly number[])[],
  targets: readonly number[],
): number[] {
  if (rows.length === 0 || rows.length !== targets.length) {
    throw new RangeError(`expected as many rows as targets, got ${rows.length} and ${targets.length}`);
  }
  const scales = (rows[0] ?? []).map((_, column) =>
    Math.max(Number.MIN_VALUE, ...rows.map((row) => Math.abs(row[column] ?? 0))),
  );
  const scaled = rows.map((row) => row.map((value, column) => value / (scales[column] as number)));
  const found = fcnnlsVector(scaled, [...targets]).K.to1DArray();
  return found.map((value, column) => value / (scales[column] as number));
}
