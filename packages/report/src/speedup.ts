import type { DistanceRecord, Steadiness } from "@softmax-bench/core";
import { formatDoubt, formatSpeedup } from "./format.js";
import { areCellsTied, jointSteadiness, type RankedCell, resolutionBetween } from "./ranking.js";

/** The distance of two gradients of one backend, by hand and automatic, with what the run can say of their times. */
export interface ComparedMethods extends DistanceRecord {
  /** The speed-up as text, see `showSpeedup`. */
  readonly shownSpeedup: string;
}

/** The speed-up of the gradient by hand, with what the run can say of the two times. */
interface ResolvedSpeedup {
  readonly speedup: number;
  readonly steadiness: Steadiness;
  /** The joint resolution of the two times, as a ratio minus 1. */
  readonly resolution: number;
  readonly tied: boolean;
}

/**
 * @param ranked the measured cells of the workload, among them the two
 * @returns undefined without both times
 */
export function resolveSpeedup(
  { speedup, backend, dtype, a, b }: DistanceRecord,
  ranked: readonly RankedCell[],
): ResolvedSpeedup | undefined {
  const [byHand, automatic] = [a, b].map((method) =>
    ranked.find((cell) => cell.method === method && cell.backend === backend && cell.dtype === dtype),
  );
  if (speedup === undefined || !byHand || !automatic) return undefined;
  return {
    speedup,
    steadiness: jointSteadiness([byHand.timing, automatic.timing]),
    resolution: resolutionBetween(byHand, automatic),
    tied: areCellsTied(byHand, automatic),
  };
}

/**
 * The speed-up of the gradient by hand as text: marked with `=` if the run cannot tell the two times apart, and with the
 * doubt in them if one had not settled. Empty without both times.
 */
export function showSpeedup(distance: DistanceRecord, ranked: readonly RankedCell[]): string {
  const resolved = resolveSpeedup(distance, ranked);
  if (!resolved) return "";
  const { speedup, steadiness, tied } = resolved;
  return `${tied ? "= " : ""}${formatSpeedup(speedup)}${formatDoubt(steadiness)}`;
}
