import type { Accuracy, Cell, Timing } from "@softmax-bench/core";
import { tiedWithFastest } from "@softmax-bench/stats";

type GradientError = Accuracy["gradient"];

/** A cell that was measured, among the others of its workload and dtype. */
export interface RankedCell {
  readonly backend: string;
  readonly method: string;
  readonly dtype: Cell["dtype"];
  readonly timing: Timing;
  readonly error: GradientError;
  /** Median over the smallest median of the same workload and dtype. */
  readonly ratio: number;
  /** The interval overlaps that of the fastest: the order of the two means nothing. */
  readonly tied: boolean;
}

/** Whether a cell has what a row of the table needs; only such a cell is ranked. */
export const isMeasured = (cell: Cell): boolean => measurementsOf(cell).length > 0;

const measurementsOf = ({ backend, method, dtype, status, timing, accuracy }: Cell) =>
  status === "ok" && timing?.gradient && accuracy
    ? [{ backend, method, dtype, timing: timing.gradient, error: accuracy.gradient }]
    : [];

/** The measured cells of one workload and dtype, fastest gradient first. */
export function rank(cells: readonly Cell[]): RankedCell[] {
  const measured = cells.flatMap(measurementsOf);
  measured.sort((a, b) => a.timing.medianNs - b.timing.medianNs);
  const ties = tiedWithFastest(
    measured.map(({ timing: { medianNs, ci95Ns } }) => ({
      median: medianNs,
      low: ci95Ns[0],
      high: ci95Ns[1],
    })),
  );
  const fastest = measured[0]?.timing.medianNs ?? 0;
  return measured.map((cell, index) => ({
    ...cell,
    // Nothing is a multiple of a time below the clock's resolution, which shows as 0.
    ratio: cell.timing.medianNs === fastest ? 1 : cell.timing.medianNs / fastest,
    tied: index > 0 && Boolean(ties[index]),
  }));
}
