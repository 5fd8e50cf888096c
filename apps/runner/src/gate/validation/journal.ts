import type { BrowserKind } from "@softmax-bench/host-browser";
import { VERDICTS } from "@softmax-bench/regression";
import { z } from "zod";
import {
  appendLine,
  circumstances,
  describeCircumstances,
  readLines,
  requireCommitted,
  requireSame,
} from "./line-journal.js";

/** `journal.jsonl` of a validation: a line for each finished experiment. */

const header = z.object({
  type: z.literal("validation"),
  quick: z.boolean(),
  ...circumstances,
});

const outcome = z.object({
  type: z.literal("outcome"),
  id: z.string(),
  kind: z.enum(["A/A", "slowdown", "error"]),
  seconds: z.number().nonnegative(),
  cells: z.array(
    z.object({
      cell: z.string(),
      /** True if a slowdown or an error was injected into it. */
      injected: z.boolean(),
      verdict: z.enum(VERDICTS),
      slowdown: z.number().optional(),
      blocks: z.int().nonnegative().optional(),
      reason: z.string(),
    }),
  ),
  /** Cells that should have run and did not. */
  broken: z.array(z.string()),
});

export type ValidationHeader = z.output<typeof header>;
export type ExperimentOutcome = z.output<typeof outcome>;

/**
 * The content of a journal; undefined if there is none.
 * @throws UsageError naming an invalid line.
 */
export function readValidation(
  file: string,
): { header: ValidationHeader; outcomes: ExperimentOutcome[] } | undefined {
  const read = readLines(file, { header, part: outcome });
  return read && { header: read.header, outcomes: read.parts };
}

/** The journal of this validation, created if missing. @throws UsageError if it belongs to another one */
export function openValidation(
  file: string,
  quick: boolean,
  browser: BrowserKind | undefined,
): { header: ValidationHeader; outcomes: ExperimentOutcome[] } {
  const now = { quick, ...describeCircumstances(browser) };
  const before = readValidation(file);
  if (!before) {
    const header = { type: "validation", ...now, startedAt: new Date().toISOString() } as const;
    appendLine(file, header);
    return { header, outcomes: [] };
  }
  const { type: _, startedAt: __, ...then } = before.header;
  requireSame(file, then, now);
  if (!quick) requireCommitted(file, then.commit);
  return before;
}
