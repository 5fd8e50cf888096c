import type { Cell, Environment } from "@softmax-bench/core";
import type { ErrorComparison } from "./error.js";
import type { Limits } from "./limits.js";
import type { TimeComparison } from "./time.js";

/**
 * Worst first. `slower` and `faster` are what two runs say that were not measured in turns: differences beyond what
 * processes of the same code differ by, which a slower hour of the machine explains as well as the code does.
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
  /** The worse of the two. */
  readonly verdict: Verdict;
  /** Absent where times cannot be compared; `Comparison.notes` says why. */
  readonly time?: TimeComparison;
  readonly error?: ErrorComparison;
  /** What else changed, and may be why. */
  readonly causes: readonly string[];
}

/** A cell without a verdict. */
export interface NotCompared extends CellId {
  /** `nowhere`: neither side can run it. `broken`: it should have run and did not. `one-sided`: only one side has it. */
  readonly kind: "nowhere" | "broken" | "one-sided";
  readonly reason: string;
}

interface Side {
  /** What the user called it. */
  readonly name: string;
  /** With `-dirty` at its end where the checkout has changes besides; null where it is unknown. */
  readonly commit: string | null;
  /** Digest of its lockfile, where it is a checkout. */
  readonly lockfile?: string | undefined;
  readonly environment: Environment;
}

export interface Comparison {
  readonly baseline: Side;
  readonly candidate: Side;
  readonly limits: Limits;
  /** Whether it judges, as a gate, or advises. Only a gate calls something a regression. */
  readonly judges: boolean;
  /** Whether both sides were measured in turns, so that its times are lower deciles; else they are medians. */
  readonly inTurns: boolean;
  /** Why times of either side are to be doubted, each a sentence that stands at the top. */
  readonly warnings: readonly string[];
  /** How it was measured, and what weakens it, each a sentence. */
  readonly notes: readonly string[];
  readonly cells: readonly CellComparison[];
  readonly notCompared: readonly NotCompared[];
}

/** The verdict on a cell from those on its parts. */
export const worstOf = (...parts: readonly ({ readonly verdict: Verdict } | undefined)[]): Verdict =>
  VERDICTS.find((verdict) => parts.some((part) => part?.verdict === verdict)) ?? "pass";

/** How many cells have each verdict. */
export const tally = ({ cells }: Comparison): Readonly<Record<Verdict, number>> =>
  Object.fromEntries(
    VERDICTS.map((verdict) => [verdict, cells.filter((cell) => cell.verdict === verdict).length]),
  ) as Record<Verdict, number>;

/** What a comparison comes to. */
export type Outcome = "pass" | "regression" | "incomplete" | "incomparable";

/**
 * A regression fails, whatever else there is. Without one, a cell that should have run and did not makes the whole
 * incomplete: fewer cells than were asked for never pass. Nor does a comparison without a single time.
 */
export function outcomeOf({ cells, notCompared }: Comparison): Outcome {
  if (cells.some(({ verdict }) => verdict === "regression")) return "regression";
  if (notCompared.some(({ kind }) => kind === "broken")) return "incomplete";
  return cells.some(({ time }) => time) ? "pass" : "incomparable";
}
