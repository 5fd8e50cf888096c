import { plural } from "@softmax-bench/core";
import type { Validation } from "./experiments.js";
import type { ExperimentOutcome } from "./journal.js";

/** One claim about the gate, and whether the experiments confirm it. */
export interface Proof {
  readonly claim: string;
  readonly found: string;
  readonly holds: boolean;
}

/** Evaluates the claims on the outcomes. A claim with fewer trials than it demands does not hold. */
export function evaluateClaims(
  outcomes: readonly ExperimentOutcome[],
  { comparisons, trials, slowdown }: Omit<Validation, "experiments">,
): Proof[] {
  const selectCells = (kind: ExperimentOutcome["kind"]) =>
    outcomes.filter((outcome) => outcome.kind === kind).flatMap(({ cells }) => cells);
  const count = (cells: readonly { verdict: string }[], ...verdicts: string[]) =>
    cells.filter(({ verdict }) => verdicts.includes(verdict)).length;

  const same = selectCells("A/A");
  const alarms = count(same, "regression", "improvement", "changed");
  const slowed = selectCells("slowdown").filter(({ injected }) => injected);
  const bystanders = selectCells("slowdown").filter(({ injected }) => !injected);
  const found = count(slowed, "regression");
  const wrong = count(bystanders, "regression", "improvement", "changed");
  const falsified = selectCells("error");
  const noticed = count(falsified, "regression", "changed");
  const broken = outcomes.flatMap((outcome) => outcome.broken);
  return [
    {
      claim: `Of at least ${plural(comparisons, "comparison")} of a revision with itself, at most 1 % are flagged`,
      found: `${alarms} of ${same.length} flagged, ${count(same, "inconclusive")} inconclusive`,
      holds: same.length >= comparisons && alarms <= 0.01 * same.length,
    },
    {
      claim: `A slowdown of ${100 * slowdown} % in one method is found in at least 95 % of ${plural(trials, "trial")}`,
      found: `${found} of ${slowed.length} found, ${count(slowed, "inconclusive")} inconclusive`,
      holds: slowed.length >= trials && found >= 0.95 * slowed.length,
    },
    {
      claim: "No other cell of those jobs is flagged more often than 1 %",
      found: `${wrong} of ${bystanders.length} flagged`,
      holds: bystanders.length > 0 && wrong <= 0.01 * bystanders.length,
    },
    {
      claim: "A relative error of 1e-6 in a gradient is always found",
      found: `${noticed} of ${falsified.length} found, ${count(falsified, "regression")} of them as a regression`,
      holds: falsified.length > 0 && noticed === falsified.length,
    },
    {
      claim: "Every cell that was asked for ran",
      found: broken.length ? `${broken.length} did not: ${broken.slice(0, 3).join(", ")}` : "all did",
      holds: broken.length === 0,
    },
  ];
}
