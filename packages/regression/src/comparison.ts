import { type Cell, cellKey, type Environment } from "@softmax-bench/core";
import type { ErrorComparison } from "./error.js";
import type { InstructionComparison } from "./instructions.js";
import type { Limits } from "./limits.js";
import type { TimeComparison } from "./time.js";

/**
 * Worst first. `slower` and `faster` are verdicts on two runs that were not measured in turns: differences beyond those
 * between processes of the same code, which a slower hour of the machine explains as well as the code does.
 */
export const VERDICTS = [
  "regression",
  "slower",
  "inconclusive",
  "changed",
  "faster",
  "improvement",
  "pass",
] as const;
export type Verdict = (typeof VERDICTS)[number];

export type CellId = Pick<Cell, "backend" | "method" | "dtype" | "workload">;

/** One cell of both sides. */
export interface CellComparison extends CellId {
  /** The worst verdict of its parts. */
  readonly verdict: Verdict;
  /** Absent if times cannot be compared; `Comparison.notes` says why. */
  readonly time?: TimeComparison;
  readonly error?: ErrorComparison;
  /** Present where instructions are counted, too. */
  readonly instructions?: InstructionComparison;
  /** Other changes, which may be the cause. */
  readonly causes: readonly string[];
}

/** A cell without a verdict. */
export interface NotCompared extends CellId {
  /** `nowhere`: neither side can run it. `broken`: it failed to run. `one-sided`: only one side has it. `no-time`: it was not begun in time. */
  readonly kind: "nowhere" | "broken" | "one-sided" | "no-time";
  /** The side that did not run it, if that is known. */
  readonly brokenIn?: "baseline" | "candidate";
  readonly reason: string;
}

interface Side {
  /** The name given by the user. */
  readonly name: string;
  /** Ends with `-dirty` if the checkout has uncommitted changes; null if it is unknown. */
  readonly commit: string | null;
  /** Digest of its lockfile, if it is a checkout. */
  readonly lockfile?: string | undefined;
  readonly environment: Environment;
}

export interface Comparison {
  readonly baseline: Side;
  readonly candidate: Side;
  readonly limits: Limits;
  /** True if it judges, as a gate; false if it advises. Only a gate reports regressions. */
  readonly judges: boolean;
  /** True if both sides were measured in turns, so that its times are lower deciles; otherwise they are medians. */
  readonly inTurns: boolean;
  /** Set if only errors are compared, so that the lack of times is no fault. */
  readonly only?: "errors";
  /** Reasons to doubt the times of either side, each a sentence, shown at the top. */
  readonly warnings: readonly string[];
  /** Notes on the measurement and its weaknesses, each a sentence. */
  readonly notes: readonly string[];
  readonly cells: readonly CellComparison[];
  readonly notCompared: readonly NotCompared[];
}

/** Combines the verdicts on the parts of a cell. */
export const worstVerdict = (...parts: readonly ({ readonly verdict: Verdict } | undefined)[]): Verdict =>
  VERDICTS.find((verdict) => parts.some((part) => part?.verdict === verdict)) ?? "pass";

/** The same comparison with cells of which instructions were counted. Those that are in both become one. */
export function withInstructions(
  comparison: Comparison,
  counted: readonly (CellId & { readonly instructions: InstructionComparison })[],
): Comparison {
  const byKey = new Map(counted.map((cell) => [cellKey(cell), cell]));
  const known = new Set(comparison.cells.map(cellKey));
  return {
    ...comparison,
    cells: [
      ...comparison.cells.map((cell) => {
        const { instructions } = byKey.get(cellKey(cell)) ?? {};
        if (!instructions) return cell;
        return { ...cell, instructions, verdict: worstVerdict(cell.time, cell.error, instructions) };
      }),
      ...counted
        .filter((cell) => !known.has(cellKey(cell)))
        .map((cell) => ({ ...cell, verdict: cell.instructions.verdict, causes: [] })),
    ],
  };
}

/** The same comparison of errors alone. */
export const errorsOnly = (comparison: Comparison): Comparison => ({
  ...comparison,
  only: "errors",
  cells: comparison.cells.map(({ time: _, ...cell }) => ({ ...cell, verdict: worstVerdict(cell.error) })),
});

/** Counts the cells with each verdict. */
export const tally = ({ cells }: Comparison): Readonly<Record<Verdict, number>> =>
  Object.fromEntries(
    VERDICTS.map((verdict) => [verdict, cells.filter((cell) => cell.verdict === verdict).length]),
  ) as Record<Verdict, number>;

/** The outcome of a comparison. */
export type Outcome = "pass" | "regression" | "incomplete" | "incomparable";

/**
 * A regression always fails. Without one, a broken cell makes the outcome incomplete: fewer cells than requested never
 * pass. Neither does a comparison without a single time, unless it is of errors alone. Of two runs that were there before,
 * nothing was requested: without a single time they are incomparable, whatever broke.
 */
export function toOutcome({ cells, notCompared, only, judges }: Comparison): Outcome {
  if (cells.some(({ verdict }) => verdict === "regression")) return "regression";
  const isCompared = cells.some(({ time, error }) => (only === "errors" ? error : time) !== undefined);
  const isBroken = notCompared.some(({ kind }) => kind === "broken");
  if (isBroken && (judges || isCompared)) return "incomplete";
  return isCompared ? "pass" : "incomparable";
}
