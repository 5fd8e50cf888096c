import type { DistanceRecord } from "@softmax-bench/core";
import { formatSpeedup } from "./format.js";
import { areCellsTied, hasSettled, type RankedCell } from "./ranking.js";

/** The distance of two gradients of one backend, by hand and automatic, with what the run can say of their times. */
export interface ComparedMethods extends DistanceRecord {
  /** The speed-up as text, see `showSpeedup`. */
  readonly shownSpeedup: string;
}

/**
 * The speed-up of the gradient by hand as text: marked with `=` if the run cannot tell the two times apart, and as
 * unsettled if one of them had not settled. Empty without both times.
 *
 * @param ranked the measured cells of the workload, among them the two
 */
export function showSpeedup(
  { speedup, backend, dtype, a, b }: DistanceRecord,
  ranked: readonly RankedCell[],
): string {
  const [byHand, automatic] = [a, b].map((method) =>
    ranked.find((cell) => cell.method === method && cell.backend === backend && cell.dtype === dtype),
  );
  if (speedup === undefined || !byHand || !automatic) return "";
  const tie = areCellsTied(byHand, automatic) ? "= " : "";
  const doubt = hasSettled(byHand) && hasSettled(automatic) ? "" : ", unsettled";
  return `${tie}${formatSpeedup(speedup)}${doubt}`;
}
