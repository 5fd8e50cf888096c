import { findWorkload } from "@softmax-bench/core";
import { cellId, VERDICTS } from "@softmax-bench/regression";
import { z } from "zod";
import { circumstances } from "../line-journal.js";
import { MEASURES, SLOWDOWNS } from "./design.js";

/** A call that computes a second gradient, too, of so many classes, and the time that both take. */
const enlarged = z.object({ classes: z.int().min(2).max(1_000_000), ns: z.number().positive() });

/**
 * The work that slows a cell down, by its amount: calls with second gradients, growing in classes and time; or the number of rounds of
 * arithmetic that take as much as a call, which slows counts, and slowed times in journals from before 30 November 2026.
 */
const addedWork = z.union([
  z.number().positive(),
  z
    .array(enlarged)
    .min(2)
    .refine(
      (points) =>
        points.every(({ classes, ns }, index) => {
          const before = points[index - 1];
          return !before || (before.classes < classes && before.ns < ns);
        }),
      "expected calls that grow in classes and in time",
    )
    .refine(
      (points) => (points.at(-1)?.ns ?? 0) >= (points[0]?.ns ?? 0) * (1 + Math.max(...SLOWDOWNS.time)),
      "expected calls up to one that is slower than any slowdown of a curve",
    ),
]);

/** True for the key of a cell on a workload that there is. */
function isKnown(key: string): boolean {
  try {
    return findWorkload(cellId(key).workload) !== undefined;
  } catch {
    return false;
  }
}

/** The lines of a curve's `journal.jsonl`: a header, and one for each round. */

export const curveHeader = z.object({
  type: z.literal("curve"),
  measure: z.enum(MEASURES),
  /** True if a program kept one core busy. */
  busy: z.boolean(),
  /** The slowdown that its gates of times must find, a ratio minus 1; absent in journals from before it could be chosen, where it was 0.1. */
  maxSlowdown: z.number().positive().optional(),
  ...circumstances,
  /** By cell: those that are measured. */
  work: z
    .record(z.string(), addedWork)
    .refine((work) => Object.keys(work).length > 0, "expected at least one cell")
    .refine(
      (work) => Object.keys(work).every(isKnown),
      "expected cells on workloads that there are, such as tfjs-wasm manual/fused float32 128x1000",
    ),
});

const side = z.enum(["baseline", "candidate"]);

export const curveRound = z.object({
  type: z.literal("round"),
  id: z.string(),
  seconds: z.number().nonnegative(),
  /** The reason for which the gate took the machine for busy; absent if it did not. */
  busy: z.string().optional(),
  cells: z.array(
    z.object({
      cell: z.string(),
      /** The slowdown that the added work makes, a ratio minus 1. */
      slowdown: z.number().nonnegative(),
      verdict: z.enum(VERDICTS),
      /** The slowdown that the gate found, a ratio minus 1. */
      found: z.number().optional(),
      /** The processes that measured it, in their order. */
      processes: z.array(
        z.object({
          side,
          /** The time of a call, in ns, as the gate has it; or the number of its instructions. */
          value: z.number().positive(),
          /** The samples of the first process of its side, in ns: what one run of a revision would have. */
          samples: z.array(z.number().positive()).optional(),
        }),
      ),
    }),
  ),
  /** Cells that should have run and did not. */
  broken: z.array(z.string()),
});

export type Enlarged = z.output<typeof enlarged>;
export type AddedWork = z.output<typeof addedWork>;
export type CurveHeader = z.output<typeof curveHeader>;
export type CurveRound = z.output<typeof curveRound>;
export type CurveCell = CurveRound["cells"][number];
