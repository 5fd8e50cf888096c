import { median } from "@softmax-bench/stats";
import type { Limits } from "./limits.js";
import { percent } from "./time.js";

/** The conclusion on the instructions that a call of a cell's gradient executes. */
export interface InstructionComparison {
  readonly verdict: "pass" | "regression" | "improvement" | "inconclusive";
  /** Instructions per call, medians over processes. */
  readonly baseline: number;
  readonly candidate: number;
  /** A ratio minus 1. */
  readonly growth: number;
  /** The largest difference between processes of the same side, as a ratio minus 1; undefined for one process of each. */
  readonly spread?: number;
  readonly reason: string;
}

/** Instructions per call in each process of a cell. */
export interface InstructionCounts {
  readonly baseline: readonly number[];
  readonly candidate: readonly number[];
}

/** Processes of either side that count again the cells that one process of each makes suspicious. */
export const DECIDING_PROCESSES = 2;

/**
 * Further processes of either side that count a cell once more that grew in those, too. A cell whose code is compiled in one of two
 * ways at random is in the same way in all processes of one side, and in the other way in all of the other, in one of 512 cases then,
 * not in one of 8.
 */
export const CONFIRMING_PROCESSES = 3;

/** Logarithm of the growth that counts: half of the limit, so that one as large as the limit is nearly always found. */
const floorOf = ({ maxInstructionGrowth }: Limits): number => Math.log1p(maxInstructionGrowth) / 2;

/** True if the counts of one process of either side call for more processes. */
export const callsForMore = (counts: InstructionCounts, limits: Limits): boolean =>
  Math.abs(logGrowth(counts)) >= floorOf(limits);

/** The conclusion on a cell that one process of either side settles. */
export const settledByOne = (counts: InstructionCounts, limits: Limits): InstructionComparison => ({
  ...describe(counts),
  verdict: "pass",
  reason: `less than ${percent(Math.expm1(floorOf(limits)))} in one process of either side`,
});

/**
 * Decides by new processes, two or more of either side. Counts hardly vary, and not by chance alone: a cell's code may be
 * compiled in one of two ways. So no distribution is assumed. The sides must differ by at least the floor, and the
 * nearest processes of the two sides by more than any two of the same side. Sides that differ by less pass only if no two
 * processes of the same side differ by as much.
 *
 * @param first the processes that called for more: they were chosen for their difference, so where the new ones differ, too, they say
 *   how far processes of a side are apart, and nothing about the sides
 */
export function decideInstructions(
  counts: InstructionCounts,
  limits: Limits,
  first: InstructionCounts = { baseline: [], candidate: [] },
): InstructionComparison {
  const { baseline, candidate } = counts;
  const growth = logGrowth(counts);
  const isGrown = Math.abs(growth) >= floorOf(limits);
  const spread = Math.max(
    logRange([...baseline, ...(isGrown ? first.baseline : [])]),
    logRange([...candidate, ...(isGrown ? first.candidate : [])]),
  );
  const base = { ...describe(counts), spread: Math.expm1(spread) };
  const differences = `processes of one side differ by ${percent(base.spread)}`;
  if (!isGrown) {
    if (spread >= floorOf(limits)) return { ...base, verdict: "inconclusive", reason: differences };
    return { ...base, verdict: "pass", reason: `less than ${percent(Math.expm1(floorOf(limits)))}` };
  }
  const gap =
    growth > 0
      ? Math.log(Math.min(...candidate) / Math.max(...baseline))
      : Math.log(Math.min(...baseline) / Math.max(...candidate));
  if (gap <= spread) return { ...base, verdict: "inconclusive", reason: differences };
  return { ...base, verdict: growth > 0 ? "regression" : "improvement", reason: differences };
}

const describe = (counts: InstructionCounts) => ({
  baseline: median(counts.baseline),
  candidate: median(counts.candidate),
  growth: Math.expm1(logGrowth(counts)),
});

const logGrowth = ({ baseline, candidate }: InstructionCounts): number =>
  Math.log(median(candidate) / median(baseline));

const logRange = (counts: readonly number[]): number => Math.log(Math.max(...counts) / Math.min(...counts));
