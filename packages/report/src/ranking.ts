import type { Accuracy, Cell, Phase, Timing } from "@softmax-bench/core";
import { tiedWithFastest } from "@softmax-bench/stats";

type GradientError = Accuracy["gradient"];

/** What cells can be ranked by: how fast the gradient is, without or with moving it. */
export type RankedPhase = Extract<Phase, "gradient" | "roundtrip">;

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
export const isMeasured = (cell: Cell, phase: RankedPhase = "gradient"): boolean =>
  measurementsOf(cell, phase).length > 0;

const measurementsOf = ({ backend, method, dtype, status, timing, accuracy }: Cell, phase: RankedPhase) => {
  const timed = timing?.[phase];
  return status === "ok" && timed && accuracy
    ? [{ backend, method, dtype, timing: timed, error: accuracy.gradient }]
    : [];
};

/** The measured cells of one workload and dtype, fastest first. */
export function rank(cells: readonly Cell[], phase: RankedPhase = "gradient"): RankedCell[] {
  const measured = cells.flatMap((cell) => measurementsOf(cell, phase));
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
