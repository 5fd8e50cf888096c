import { plural } from "@softmax-bench/core";
import type { ExperimentOutcome, ValidationHeader } from "./journal.js";
import type { Proof } from "./proofs.js";

/** The validation's results as a page of the documentation. */
export function validationMarkdown(
  { startedAt, cpu, cores, node, commit, quick, browser }: ValidationHeader,
  outcomes: readonly ExperimentOutcome[],
  proofs: readonly Proof[],
): string {
  const minutes = Math.round(outcomes.reduce((sum, { seconds }) => sum + seconds, 0) / 60);
  const table = (header: readonly string[], rows: readonly (readonly string[])[]) =>
    [header, header.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
  const count = ({ cells }: ExperimentOutcome, verdict: string, injected: boolean) =>
    String(cells.filter((cell) => cell.verdict === verdict && cell.injected === injected).length);
  return [
    `# Validation of the regression gate${browser ? ` in ${browser}` : ""}`,
    `Written by \`pnpm validate:gate${quick ? " --quick" : ""}${browser ? ` --host ${browser}` : ""}\` on ${startedAt.slice(0, 10)}: ${plural(cores, "core")} of ${cpu}, Node ${node.replace(/^v/, "")}, commit ${commit ?? "unknown"}; ${plural(minutes, "minute")}. [regression-gate.md](regression-gate.md) says what is done and why.`,
    table(
      ["claim", "found", ""],
      proofs.map(({ claim, found, holds }) => [claim, found, holds ? "holds" : "**does not hold**"]),
    ),
    table(
      [
        "experiment",
        "cells",
        "injected: found",
        "changed",
        "inconclusive",
        "others: flagged",
        "inconclusive",
        "seconds",
      ],
      outcomes.map((outcome) => [
        ...[outcome.id, String(outcome.cells.length)],
        ...["regression", "changed", "inconclusive"].map((verdict) => count(outcome, verdict, true)),
        String(
          ["regression", "improvement", "changed"].reduce(
            (sum, verdict) => sum + Number(count(outcome, verdict, false)),
            0,
          ),
        ),
        ...[count(outcome, "inconclusive", false), String(Math.round(outcome.seconds))],
      ]),
    ),
  ]
    .join("\n\n")
    .concat("\n");
}
