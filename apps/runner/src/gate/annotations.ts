import { cellKey, messageOf } from "@softmax-bench/core";
import { type CellId, type Comparison, toOutcome } from "@softmax-bench/regression";
import { explainVerdict, oneLine } from "@softmax-bench/report";

/**
 * The outcome of a gate as commands of GitHub's runner, which shows them beside a pull request: an error for what fails
 * the gate, a warning for what it could not decide.
 */

/** GitHub shows ten of each kind for a step. */
const MOST = 10;

export const annotateComparison = (comparison: Comparison): string[] => {
  const { cells, notCompared } = comparison;
  const of = (verdict: string) => cells.filter((cell) => cell.verdict === verdict);
  const broken = notCompared.filter(({ kind }) => kind === "broken");
  return [
    ...(toOutcome(comparison) === "incomparable" ? [annotateIncomparable(comparison)] : []),
    ...of("regression").map((cell) =>
      annotation("error", "regression", describe(cell, explainVerdict(cell))),
    ),
    ...broken.map((cell) => annotation("error", "did not run", describe(cell, cell.reason))),
  ]
    .slice(0, MOST)
    .concat(
      [
        ...of("inconclusive").map((cell) => describe(cell, explainVerdict(cell))),
        ...notCompared.filter(({ kind }) => kind === "no-time").map((cell) => describe(cell, cell.reason)),
      ]
        .map((text) => annotation("warning", "inconclusive", text))
        .slice(0, MOST),
    );
};

/** The cells need not be named: none of them was compared. */
const annotateIncomparable = ({ notes, notCompared }: Comparison): string => {
  const reasons = [...new Set(notCompared.map(({ reason }) => reason))].slice(0, MOST);
  const excluded = reasons.length > 0 ? [`Not compared: ${reasons.join("; ")}.`] : [];
  return annotation("error", "nothing comparable", [...excluded, ...notes].join(" "));
};

/** The commit that a bisection names, or several. */
export const annotateCulprit = (cell: string, found: string): string =>
  annotation("error", "regression", `${cell}: ${found}`);

export const annotateFailure = (error: unknown): string =>
  annotation("error", "no verdict", messageOf(error));

const describe = (cell: CellId, why: string): string => `${cellKey(cell)}: ${why}`;

/** Escaped so that no text of a cell or of an error can be another command. */
function annotation(kind: "error" | "warning", title: string, text: string): string {
  const escaped = oneLine(text).replaceAll("%", "%25");
  return `::${kind} title=softmax-bench gate%3A ${title}::${escaped}`;
}
