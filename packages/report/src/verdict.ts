import type { Cell } from "@softmax-bench/core";
import { type Constraints, describeBound, isWithinBound } from "./constraints.js";
import { formatCount, formatDuration, formatError, formatPercent, formatRatio } from "./format.js";
import type { RankedCell } from "./ranking.js";
import type { Recommendation } from "./recommend.js";

const nameOf = ({ backend, method }: RankedCell): string => `${backend} ${method}`;

/** The reason why a cell does not qualify; an error over the finite entries alone may be small. */
function explainFailure(cell: RankedCell, { error: limit }: Constraints): string {
  const { error, timing } = cell;
  if (isWithinBound(cell, limit)) {
    return timing.steadiness === "untested"
      ? `but ${formatCount(timing.samples.length)} samples do not show that its times had settled`
      : "but its times had not settled";
  }
  if (error.nonFinite > 0) return `but outside: ${formatCount(error.nonFinite)} non-finite`;
  return limit.measure === "relL2"
    ? `but outside: ${formatError(error.relL2)}`
    : `but outside: ${formatCount(error[limit.measure])} ULP`;
}

/** `a, b and c`; beyond three, `a, b and 4 others`. */
function enumerate(names: readonly string[]): string {
  const shown = names.length > 3 ? [...names.slice(0, 2), `${names.length - 2} others`] : names;
  return [shown.slice(0, -1).join(", "), shown.at(-1)].filter(Boolean).join(" and ");
}

/** `backends on the CPU without native code`; empty if every backend is acceptable. */
export function usableWords({ cpuOnly, noNativeCode }: Constraints): string {
  return [cpuOnly ? " on the CPU" : "", noNativeCode ? " without native code" : ""].join("");
}

/** The closing sentence on one workload and dtype: the fastest cell whose error is within the bound. */
export function verdictOn(
  workload: string,
  dtype: Cell["dtype"],
  { best, tied, runnerUp, faster, fasterIsTied, anyUsable, onlySoftwareGpus }: Recommendation,
  constraints: Constraints,
): string {
  const start = `${workload}, ${dtype}:`;
  const where = usableWords(constraints);
  const what = constraints.phase === "roundtrip" ? " round trip" : "";
  if (onlySoftwareGpus) {
    return `${start} no winner: all cells were measured on a GPU in software, whose times are not representative.`;
  }
  if (!anyUsable) return `${start} no cell${where} was measured.`;
  const bound = describeBound(dtype, constraints.error);
  if (!best) return `${start} ${noneQualifies(faster, constraints, where, bound)}`;

  const quicker = faster
    ? ` (${nameOf(faster)} is ${fasterIsTied ? "as fast" : "faster"}, ${explainFailure(faster, constraints)})`
    : "";
  const next =
    runnerUp && best.timing.medianNs > 0
      ? ` Next is ${nameOf(runnerUp)}, ${formatRatio(runnerUp.timing.medianNs / best.timing.medianNs)} as long.`
      : "";
  const ties = tied.length
    ? `, tied with ${enumerate(tied.map(nameOf))}: the resolution is ${formatPercent(best.resolution)}`
    : "";
  return (
    `${start} ${nameOf(best)} is the fastest${what}${where} within the error bound (${bound}): ` +
    `${formatDuration(best.timing.medianNs)}, relative L2 error ${formatError(best.error.relL2)}, ` +
    `max ${formatCount(best.error.maxUlp)} ULP${ties}${quicker}.${next}`
  );
}

/** @param fastest usable cell */
function noneQualifies(
  fastest: RankedCell | undefined,
  constraints: Constraints,
  where: string,
  bound: string,
): string {
  if (fastest && isWithinBound(fastest, constraints.error)) {
    return `no winner${where}: no time within the error bound (${bound}) had settled. Fastest so far is ${nameOf(fastest)}, ${formatDuration(fastest.timing.medianNs)}; a longer --time or another --profile may settle it.`;
  }
  return `no gradient${where} is within the error bound (${bound}).`;
}
