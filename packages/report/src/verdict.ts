import type { Cell } from "@softmax-bench/core";
import { type Constraints, describeBound } from "./constraints.js";
import { formatCount, formatDuration, formatError, formatRatio } from "./format.js";
import type { RankedCell } from "./ranking.js";
import type { Recommendation } from "./recommend.js";

const nameOf = ({ backend, method }: RankedCell): string => `${backend} ${method}`;

/** Why a cell is outside the bound; an error over the finite entries alone may well be small. */
const failingOf = ({ error }: RankedCell, { error: { measure } }: Constraints): string =>
  error.nonFinite > 0
    ? `${formatCount(error.nonFinite)} non-finite`
    : measure === "relL2"
      ? formatError(error.relL2)
      : `${formatCount(error[measure])} ULP`;

/** `a, b and c`; beyond three, `a, b and 4 others`. */
function enumerate(names: readonly string[]): string {
  const shown = names.length > 3 ? [...names.slice(0, 2), `${names.length - 2} others`] : names;
  return [shown.slice(0, -1).join(", "), shown.at(-1)].filter(Boolean).join(" and ");
}

/** `backends on the CPU without native code`; empty where every backend will do. */
function usableWords({ cpuOnly, noNativeCode }: Constraints): string {
  return [cpuOnly ? " on the CPU" : "", noNativeCode ? " without native code" : ""].join("");
}

/** The closing sentence on one workload and dtype: the fastest cell whose error is within the bound. */
export function verdictOn(
  workload: string,
  dtype: Cell["dtype"],
  { best, tied, runnerUp, faster, fasterIsTied, anyUsable }: Recommendation,
  constraints: Constraints,
): string {
  const start = `${workload}, ${dtype}:`;
  const where = usableWords(constraints);
  const what = constraints.phase === "roundtrip" ? " round trip" : "";
  if (!anyUsable) return `${start} no cell${where} was measured.`;
  const bound = describeBound(dtype, constraints.error);
  if (!best) return `${start} no gradient${where} is within the error bound (${bound}).`;

  const ties = tied.length ? `, tied with ${enumerate(tied.map(nameOf))}` : "";
  const quicker = faster
    ? ` (${nameOf(faster)} is ${fasterIsTied ? "as fast" : "faster"}, but outside: ${failingOf(faster, constraints)})`
    : "";
  const next =
    runnerUp && best.timing.medianNs > 0
      ? ` Next is ${nameOf(runnerUp)}, ${formatRatio(runnerUp.timing.medianNs / best.timing.medianNs)} as long.`
      : "";
  return (
    `${start} ${nameOf(best)} is the fastest${what}${where} within the error bound (${bound}): ` +
    `${formatDuration(best.timing.medianNs)}, relative L2 error ${formatError(best.error.relL2)}, ` +
    `max ${formatCount(best.error.maxUlp)} ULP${ties}${quicker}.${next}`
  );
}
