import type { Accuracy } from "@softmax-bench/core";
import { formatCount, formatPercent } from "./format.js";

/** Columns about entries at the ends of a dtype's range; see `rangeCells`. */
export const RANGE_COLUMNS = ["underflow", "avoidable", "subnormal", "overflow"] as const;

/** The meaning of the columns. */
export const RANGE_LEGEND =
  "underflow: share of entries that are 0 where the exact ones are not; avoidable: share that are 0 where the correctly rounded ones are not; subnormal: share of entries other than 0 below the dtype's smallest normal number, which have fewer digits; overflow: infinite entries where the exact ones are finite. Empty where there are none.";

/** A gradient's values of `RANGE_COLUMNS`, empty where they are 0. */
export function rangeCells({ range }: Pick<Accuracy["gradient"], "range">): string[] {
  if (!range) return RANGE_COLUMNS.map(() => "");
  const { underflows, avoidableUnderflows, subnormals, overflows, entries } = range;
  const shares = [underflows, avoidableUnderflows, subnormals].map((count) => formatShare(count, entries));
  return [...shares, overflows ? formatCount(overflows) : ""];
}

/** A share that shows as 0 or 100 % only where it is that. */
function formatShare(count: number, of: number): string {
  if (count === 0) return "";
  const share = count / of;
  if (share < 0.0005) return "< 0.1 %";
  return share > 0.995 && count < of ? "> 99 %" : formatPercent(share);
}
