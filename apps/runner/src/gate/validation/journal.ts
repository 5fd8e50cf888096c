import { appendFileSync, existsSync, readFileSync, truncateSync } from "node:fs";
import { describeIssue } from "@softmax-bench/core/results";
import { VERDICTS } from "@softmax-bench/regression";
import { z } from "zod";
import { UsageError } from "../../terminal/errors.js";

/** `journal.jsonl` of a validation: a line per finished experiment, so that it continues where it was stopped. */

const header = z.object({
  type: z.literal("validation"),
  quick: z.boolean(),
  commit: z.string().nullable(),
  cpu: z.string(),
  cores: z.int(),
  node: z.string(),
  /** The browser whose pages are gated; absent for processes of Node. */
  browser: z.string().optional(),
  startedAt: z.iso.datetime(),
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

export const appendLine = (file: string, value: ValidationHeader | ExperimentOutcome): void =>
  appendFileSync(file, `${JSON.stringify(value)}\n`);

/**
 * The content of a journal; undefined if there is none. A last line that was cut short is removed from the file.
 * @throws UsageError naming an invalid line.
 */
export function readValidation(
  file: string,
): { header: ValidationHeader; outcomes: ExperimentOutcome[] } | undefined {
  if (!existsSync(file)) return undefined;
  const bytes = readFileSync(file);
  const complete = bytes.lastIndexOf("\n") + 1;
  if (complete < bytes.length) truncateSync(file, complete);
  const lines = bytes.subarray(0, complete).toString("utf8").split("\n").slice(0, -1);
  const parse = <T>(schema: z.ZodType<T>, index: number): T => {
    let value: unknown;
    try {
      value = JSON.parse(lines[index] ?? "");
    } catch {
      throw new UsageError(`${file}:${index + 1}: not JSON; delete the file to start again`);
    }
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    throw new UsageError(
      `${file}:${index + 1}: ${describeIssue(parsed.error, value)}; delete the file to start again`,
    );
  };
  if (lines.length === 0) return undefined;
  const outcomes = lines.slice(1).map((_, index) => parse(outcome, index + 1));
  for (const [index, { id }] of outcomes.entries()) {
    const first = outcomes.findIndex((other) => other.id === id);
    if (first === index) continue;
    throw new UsageError(
      `${file}:${index + 2} is of ${id}, as line ${first + 2} is; remove one of the two lines, or delete the file to start again`,
    );
  }
  return { header: parse(header, 0), outcomes };
}
