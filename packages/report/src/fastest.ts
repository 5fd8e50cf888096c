import { formatCount, formatDuration, formatError, formatPercent, formatRatio } from "./format.js";
import type { RankedCell } from "./ranking.js";
import type { RecommendedGradient } from "./recommend.js";

/** A row of the table of fastest gradients, as text. */
export interface FastestRow {
  readonly time: string;
  readonly resolution: string;
  readonly error: string;
  readonly maxUlp: string;
  /** The fastest on another backend; undefined if there is none. */
  readonly next: RankedCell | undefined;
  /** Its time over that of the fastest, marked with = if the two are tied. */
  readonly ratio: string;
}

export const fastestRow = (
  best: RankedCell,
  { nextBackend, nextIsTied }: Pick<RecommendedGradient, "nextBackend" | "nextIsTied">,
): FastestRow => ({
  time: formatDuration(best.timing.medianNs),
  resolution: formatPercent(best.resolution),
  error: formatError(best.error.relL2),
  maxUlp: formatCount(best.error.maxUlp),
  next: nextBackend,
  ratio: nextBackend
    ? `${nextIsTied ? "= " : ""}${formatRatio(nextBackend.timing.medianNs / best.timing.medianNs)}`
    : "",
});
