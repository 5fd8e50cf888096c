import { formatCount, formatDuration, formatError, formatPercent, formatRatio } from "./format.js";
import { type RankedCell, ratioOf } from "./ranking.js";
import type { RecommendedGradient } from "./recommend.js";

/** The meaning of the signs in the table of fastest gradients. */
export const FASTEST_LEGEND =
  "±: the resolution of that time: in this run, identical code differs by less in 95 of 100 pairs; = marks times no further apart than the joint resolution of both.";

/** A row of the table of fastest gradients, as text. */
export interface FastestRow {
  readonly time: string;
  readonly resolution: string;
  readonly error: string;
  readonly maxUlp: string;
  /** The fastest on another backend; undefined if there is none. */
  readonly next: RankedCell | undefined;
  /** Its time over that of the fastest, marked with = if the two are tied; empty if the fastest took no time that the clock shows. */
  readonly ratio: string;
}

export function fastestRow(
  best: RankedCell,
  { nextBackend, nextIsTied }: Pick<RecommendedGradient, "nextBackend" | "nextIsTied">,
): FastestRow {
  const ratio = nextBackend && ratioOf(nextBackend.timing.medianNs, best.timing.medianNs);
  return {
    time: formatDuration(best.timing.medianNs),
    resolution: formatPercent(best.resolution),
    error: formatError(best.error.relL2),
    maxUlp: formatCount(best.error.maxUlp),
    next: nextBackend,
    ratio: [nextIsTied ? "=" : "", ratio ? formatRatio(ratio) : ""].filter(Boolean).join(" "),
  };
}
