import type { Cell, RunRecord } from "@softmax-bench/core";
import { type Constraints, describeBound, isInUlp, isWithinBound, measuredError } from "./constraints.js";
import { enumerate } from "./enumerate.js";
import { formatCount, formatDuration, formatError, formatPercents, formatRatio } from "./format.js";
import { areCellsTied, type RankedCell, ratioOf, resolutionBetween } from "./ranking.js";
import type { Measured, Recommendation } from "./recommend.js";

const nameOf = ({ backend, method }: RankedCell): string => `${backend} ${method}`;

/** The reason why a cell does not qualify; an error over the finite entries alone may be small. */
function explainFailure(cell: RankedCell, { error: limit }: Constraints): string {
  const { error, timing } = cell;
  if (isWithinBound(cell, limit)) {
    return timing.steadiness === "untested"
      ? `but ${formatCount(timing.samples.length)} samples do not show that its times had settled`
      : "but its times had not settled";
  }
  if (error.nonFinite > 0) return `but it exceeds the bound: ${formatCount(error.nonFinite)} non-finite`;
  const size = isInUlp(limit.measure)
    ? `${formatCount(measuredError(cell, limit.measure))} ULP`
    : formatError(error.relL2);
  return `but its error of ${size} exceeds the bound`;
}

/** `a fused is faster, but its times had not settled`. */
function explainFaster(cell: RankedCell, best: RankedCell, constraints: Constraints): string {
  const relation = areCellsTied(cell, best) ? "as fast" : "faster";
  return `${nameOf(cell)} is ${relation}, ${explainFailure(cell, constraints)}`;
}

/** Names a faster gradient within the bound, which is not the fastest because its times had not settled; undefined if there is none. */
export const describeUnsettled = (
  { best, unsettled }: Pick<Recommendation, "best" | "unsettled">,
  constraints: Constraints,
): string | undefined => (best && unsettled ? explainFaster(unsettled, best, constraints) : undefined);

/** Explains that nothing can win; undefined if there is a cell that the reader can use. @param on ` on vocab float32`, or empty */
export function describeUnusable(measured: Measured, constraints: Constraints, on = ""): string | undefined {
  switch (measured) {
    case "usable":
      return undefined;
    case "excluded":
      return `no cell${usableWords(constraints)} was measured${on}`;
    case "hidden":
      return `no winner${on}: every cell that could win is hidden`;
    case "references":
      return `no winner${on}: only references were measured`;
    case "software GPUs":
      return `no winner${on}: all cells were measured on a GPU in software, whose times are not representative`;
    case "references and software GPUs":
      return `no winner${on}: only references and GPUs in software were measured`;
    case "nothing":
      return `no cell was measured${on}`;
  }
}

/** ` on the CPU without native code`; empty if every backend is acceptable. */
export function usableWords({ cpuOnly, noNativeCode }: Constraints): string {
  return [cpuOnly ? " on the CPU" : "", noNativeCode ? " without native code" : ""].join("");
}

/** ` so far`, of a run that lacks measurements which may say otherwise; else empty. */
export const soFar = ({ status }: Pick<RunRecord, "status">): string =>
  status === "interrupted" ? " so far" : "";

/** The closing sentence on one workload and dtype: the fastest cell whose error is within the bound. */
export function verdictOn(
  workload: string,
  dtype: Cell["dtype"],
  { best, tied, runnerUp, faster, unsettled, measured }: Recommendation,
  constraints: Constraints,
  run: Pick<RunRecord, "status">,
): string {
  const start = `${workload}, ${dtype}:`;
  const where = usableWords(constraints);
  const what = constraints.phase === "roundtrip" ? " round trip" : "";
  const unusable = describeUnusable(measured, constraints);
  if (unusable) return `${start} ${unusable}.`;
  const bound = describeBound(dtype, constraints.error);
  if (!best) return `${start} ${noneQualifies(unsettled, where, bound, run)}`;

  const ahead = new Set([faster, unsettled].flatMap((cell) => cell ?? []));
  const quicker = ahead.size
    ? ` (${[...ahead].map((cell) => explainFaster(cell, best, constraints)).join("; ")})`
    : "";
  const ratio = runnerUp && ratioOf(runnerUp.timing.medianNs, best.timing.medianNs);
  const next = runnerUp && ratio ? ` Next is ${nameOf(runnerUp)}, ${formatRatio(ratio)} as long.` : "";
  const ties = tied.length
    ? `, tied with ${enumerate(tied.map(nameOf))}: the joint resolution is ${formatPercents(tied.map((cell) => resolutionBetween(best, cell)))}`
    : "";
  return (
    `${start} ${nameOf(best)} is the fastest${what}${soFar(run)}${where} within the error bound (${bound}): ` +
    `${formatDuration(best.timing.medianNs)}, relative L2 error ${formatError(best.error.relL2)}, ` +
    `max ${formatCount(best.error.maxUlp)} ULP${ties}${quicker}.${next}`
  );
}

function noneQualifies(
  unsettled: RankedCell | undefined,
  where: string,
  bound: string,
  run: Pick<RunRecord, "status">,
): string {
  const measured = soFar(run) ? " measured so far" : "";
  if (!unsettled) return `no gradient${where}${measured} is within the error bound (${bound}).`;
  const fastest = `The fastest of them is ${nameOf(unsettled)}, ${formatDuration(unsettled.timing.medianNs)}`;
  const advice = soFar(run) ? "" : "; a longer --time or another --profile may settle it";
  return `no winner${where}: no gradient within the error bound (${bound})${measured} has settled times. ${fastest}${advice}.`;
}
