import type { Cell, Results } from "@softmax-bench/core";
import { type Constraints, isWithinBound } from "./constraints.js";
import { formatDuration, formatPercent, formatRatio } from "./format.js";
import { areCellsTied, hasSettled, type RankedCell, ratioOf, resolutionBetween } from "./ranking.js";
import { recommend } from "./recommend.js";
import { soFar } from "./verdict.js";

/**
 * Compares the best gradient in JavaScript with the best one of each reference: a sentence each, on one workload and dtype.
 *
 * @param ranked its cells, fastest first, see `rank`
 */
export function againstReferences(
  workload: string,
  dtype: Cell["dtype"],
  ranked: readonly RankedCell[],
  constraints: Constraints,
  { backends, run }: Pick<Results, "backends" | "run">,
): string[] {
  const { best } = recommend(ranked, constraints, backends);
  const references = backends.filter(
    ({ id, reference }) => reference && ranked.some(({ backend }) => backend === id),
  );
  return references.map(({ id, engine }) => {
    const qualifies = (cell: RankedCell) =>
      cell.backend === id && isWithinBound(cell, constraints.error) && hasSettled(cell);
    const name = engine ? `${engine.name} ${engine.version}` : id;
    return `${workload}, ${dtype}${soFar(run)}: ${describeComparison(best, ranked.find(qualifies), name)}`;
  });
}

function describeComparison(
  best: RankedCell | undefined,
  reference: RankedCell | undefined,
  name: string,
): string {
  if (!reference) return `no gradient of ${name} within the error bound has settled times, to compare with.`;
  const theirs = `the best of ${name} (${describe(reference)})`;
  if (!best)
    return `no gradient in JavaScript within the error bound has settled times, to compare with ${theirs}.`;
  const ours = `the best JavaScript backend (${best.backend} ${describe(best)})`;
  if (areCellsTied(best, reference)) {
    const resolution = formatPercent(resolutionBetween(best, reference));
    return `${ours} takes as long as ${theirs}: the joint resolution is ${resolution}.`;
  }
  const ratio = ratioOf(best.timing.medianNs, reference.timing.medianNs);
  return `${ours} takes ${ratio ? `${formatRatio(ratio)} as long as` : "longer than"} ${theirs}.`;
}

const describe = ({ method, timing }: RankedCell): string => `${method}, ${formatDuration(timing.medianNs)}`;
