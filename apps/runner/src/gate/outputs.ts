import { appendFileSync } from "node:fs";
import { join } from "node:path";
import type { Results } from "@softmax-bench/core";
import { isSystemError, messageOf } from "@softmax-bench/core";
import { formatResults } from "@softmax-bench/core/results";
import { type Comparison, type Outcome, toOutcome } from "@softmax-bench/regression";
import {
  bencherMetrics,
  githubActionBenchmark,
  goBenchmarkText,
  junitXml,
  oneLine,
  renderComparisonMarkdown,
} from "@softmax-bench/report";
import { writeAtomically } from "../fs/write-atomically.js";
import { GATE_BASELINE, RESULTS } from "../results/find-results.js";
import { EXIT, IncomparableError } from "../terminal/errors.js";
import { type GateOutcome, outcomeOf, outcomeOfError } from "./outcome.js";
import type { Gated } from "./request.js";

/** GitHub cuts off a step summary above 1 MiB, and refuses a comment above 65,536 characters. */
const SUMMARY_BYTES = 2 ** 20 - 1024;
const COMMENT_BYTES = 65_000;

/** Files by their name. */
type Files = ReadonlyMap<string, string>;

/** A comparison in every format. */
export function renderComparisonFiles(comparison: Comparison, baseline: Results, candidate: Results): Files {
  return new Map([
    ["summary.md", renderComparisonMarkdown(comparison, SUMMARY_BYTES)],
    ["comment.md", renderComparisonMarkdown(comparison, COMMENT_BYTES)],
    ["junit.xml", junitXml(comparison)],
    ["github-action-benchmark.json", githubActionBenchmark(candidate)],
    ["bencher.json", bencherMetrics(candidate)],
    ["baseline.bench.txt", goBenchmarkText(baseline)],
    ["candidate.bench.txt", goBenchmarkText(candidate)],
  ]);
}

/** The outcome of a gate: in a word, its comparison, and what it measured. */
export function renderGateFiles({ comparison, baseline, candidate, counted }: Gated): Files {
  const outcome = outcomeOf({ comparison, baseline, candidate });
  return new Map([
    [OUTCOME, renderOutcome({ outcome, exitCode: toExitCode(comparison) })],
    ...renderComparisonFiles(comparison, baseline, candidate),
    [GATE_BASELINE, formatResults(baseline)],
    [RESULTS, formatResults(candidate)],
    ...(counted ? [["instructions.json", `${JSON.stringify(counted, null, 1)}\n`] as const] : []),
  ]);
}

const OUTCOME = "outcome.json";

interface OutcomeFile {
  readonly outcome: GateOutcome;
  readonly exitCode: number;
  /** The message of the error that ended the gate. */
  readonly reason?: string;
}

const renderOutcome = (content: OutcomeFile): string => `${JSON.stringify(content, null, 2)}\n`;

/** Writes the files, all of them made before, and the step's summary where GitHub wants one. */
export function writeOutputs(folder: string, files: Files, say: (line: string) => void): void {
  for (const [name, text] of files) writeAtomically(join(folder, name), text);
  appendToStepSummary(files.get("summary.md") ?? "", say);
}

/** An end without a verdict, of which nothing but the reason is known. */
interface End extends OutcomeFile {
  readonly reason: string;
}

/** The end of a gate that an error ended. */
export const endBy = (error: unknown): End => ({
  outcome: outcomeOfError(error),
  exitCode: error instanceof IncomparableError ? EXIT.incomparable : EXIT.usage,
  reason: oneLine(messageOf(error)),
});

/** The end of a gate that the user stopped. */
export const STOPPED: End = {
  outcome: "stopped",
  exitCode: EXIT.interrupted,
  reason: "stopped; nothing was concluded",
};

/**
 * Writes that a gate ended without a verdict, and why: in the step's summary, for a comment, and for programs.
 * @param createFolder makes the folder for it, if one can be made; undefined if its place is not known
 */
export function writeEnd(
  createFolder: (() => string) | undefined,
  end: End,
  say: (line: string) => void,
): void {
  const { reason } = end;
  const text = `**The gate came to no verdict**: \`${reason.replaceAll("`", "'")}\`\n`;
  appendToStepSummary(text, say);
  if (!createFolder) return;
  try {
    const folder = createFolder();
    for (const name of ["summary.md", "comment.md"]) writeAtomically(join(folder, name), text);
    writeAtomically(join(folder, OUTCOME), renderOutcome(end));
  } catch {
    // What ended the gate is to be reported, not this.
  }
}

/** A summary that cannot be written is said, and costs no verdict. */
function appendToStepSummary(text: string, say: (line: string) => void): void {
  const summary = process.env.GITHUB_STEP_SUMMARY;
  if (!summary) return;
  try {
    appendFileSync(summary, text);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    say(`the step's summary cannot be written: ${error.message}`);
  }
}

const CODES: Readonly<Record<Outcome, number>> = {
  pass: EXIT.ok,
  regression: EXIT.failure,
  incomplete: EXIT.usage,
  incomparable: EXIT.incomparable,
};

export const toExitCode = (comparison: Comparison): number => CODES[toOutcome(comparison)];

export const EXIT_CODES_HELP = `
Exit codes: 0 no regression; 1 a regression; 2 wrong usage, a cell that should have run did not, a revision does
not build, start or answer, or --time was over before a verdict; 3 nothing comparable or measured; 130 stopped by
Ctrl-C or SIGTERM. outcome.json has a word for what it was.`;
