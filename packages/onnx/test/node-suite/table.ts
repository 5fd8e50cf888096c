import { markdownTable } from "markdown-table";
import type { CaseOutcome, Outcome } from "./run-case.js";

/** A case that has been run. */
export interface Result {
  readonly name: string;
  /** The operators of its model. */
  readonly operators: readonly string[];
  readonly outcome: CaseOutcome;
}

const SEVERAL = "(several operators)";
const STATUSES = ["right", "refused", "wrong"] as const satisfies readonly Outcome["status"][];

/** The report of a complete run, as Markdown. */
export function report(results: readonly Result[], total: number, version: string): string {
  const count = (of: readonly Result[], by: keyof CaseOutcome) =>
    STATUSES.map((status) => of.filter(({ outcome }) => outcome[by].status === status).length);
  const row = (label: string, of: readonly Result[]) => [
    label,
    ...[of.length, ...count(of, "interpreter"), ...count(of, "runtime")].map(String),
  ];
  const labelOf = ({ operators }: Result) => (operators.length === 1 ? `\`${operators[0]}\`` : SEVERAL);
  const labels = [...new Set(results.map(labelOf))].sort();
  const rows = labels.map((label) =>
    row(
      label,
      results.filter((result) => labelOf(result) === label),
    ),
  );
  const heads = ["operator", "cases", ...STATUSES, ...STATUSES.map((status) => `ORT ${status}`)];
  const align = ["l", ...heads.slice(1).map(() => "r")];
  return `# The ONNX project's node tests

Written by \`pnpm node-suite\` in \`packages/onnx\`, which runs the backend node tests of onnx ${version} (Apache-2.0): of its ${total}
cases, the ${results.length} whose operators this project reads. The first columns say what the reader and the reference interpreter
make of a case, the last three what onnxruntime-node computes from the model that is written from it. A result is right within the
suite's own tolerances or, in half precision, four roundings. A case with several operators is one that the suite has expanded into its function body. Inputs that are
known when a model is read – shapes, axes, positions, limits – are initialisers.

${markdownTable([heads, ...rows, row("all", results)], { align })}

## Refused

${markdownTable([["reason", "cases"], ...reasons(results)], { align: ["l", "r"] })}
`;
}

/** Reasons without what differs from case to case, the most frequent first. */
function reasons(results: readonly Result[]): [reason: string, count: string][] {
  const counts = new Map<string, number>();
  for (const { outcome } of results) {
    const { interpreter, runtime } = outcome;
    const refusal = [interpreter, runtime].find(({ status }) => status === "refused");
    if (!refusal || refusal.status === "right") continue;
    const general = refusal.reason
      .replace(/"[^"]*"/g, "…")
      .replace(/, got \[[\d,]*\]/, "")
      .replace(/^.*(?= has elements of type)/, "a tensor")
      .replace(/\((?:\w+\[[\d,]*\](?:, )?)+\)/, "")
      .replaceAll("|", "\\|");
    counts.set(general, (counts.get(general) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a).map(([reason, number]) => [reason, String(number)]);
}
