import type { Accuracy, Cell, Curve, Results } from "@softmax-bench/core";
import { collectGradients } from "./compare.js";
import { compareErrors, type ErrorComparison } from "./error.js";
import type { Limits } from "./limits.js";

/**
 * Error curves in a gate. A curve is a cell whose workload is a sweep: it has one digest, and errors at every point. So
 * whatever holds for cells that ran, failed or are missing holds for curves.
 */

/** A cell of the matrix, or a curve. */
export interface ComparedCell extends Cell {
  /** Errors along the sweep; absent for a cell of the matrix. */
  readonly points?: Curve["points"];
}

const PREFIX = "sweep/";

export const isCurve = ({ workload }: Pick<Cell, "workload">): boolean => workload.startsWith(PREFIX);

/** The cells of a run, and its curves. */
export const cellsAndCurves = ({ cells, precision }: Results): readonly ComparedCell[] =>
  precision ? [...cells, ...precision.curves.map(toCell)] : cells;

/** The results with some of their cells and curves. */
export function selectCells(results: Results, isWanted: (cell: ComparedCell) => boolean): Results {
  const { cells, precision } = results;
  return {
    ...results,
    cells: cells.filter(isWanted),
    ...(precision
      ? { precision: { ...precision, curves: precision.curves.filter((curve) => isWanted(toCell(curve))) } }
      : {}),
  };
}

/** The curve as a cell, with the errors of its worst point. */
function toCell({ sweep, points, ...curve }: Curve): ComparedCell {
  const [first, ...others] = points.map(toAccuracy);
  const relL2 = ({ gradient }: Accuracy) => (Number.isNaN(gradient.relL2) ? Infinity : gradient.relL2);
  const accuracy =
    first && others.reduce((worst, other) => (relL2(other) > relL2(worst) ? other : worst), first);
  return { ...curve, workload: `${PREFIX}${sweep}`, points, ...(accuracy ? { accuracy } : {}) };
}

const toAccuracy = ({ x: _, lossRelError, ...gradient }: Curve["points"][number]): Accuracy => ({
  lossRelError,
  gradient,
});

/**
 * Compares gradients of one cell from the processes of both sides. Those of a curve are compared point by point, so that
 * an error that grows at one point is not hidden by a larger one at another: the verdict is that of the worst point.
 */
export function compareGradients(
  dtype: Cell["dtype"],
  baseline: readonly ComparedCell[],
  candidate: readonly ComparedCell[],
  limits: Limits,
): ErrorComparison {
  const [before, after] = [collectGradients(baseline), collectGradients(candidate)];
  const whole = compareErrors(dtype, before, after, limits);
  const xs = new Set(candidate.flatMap(({ points = [] }) => points.map(({ x }) => x)));
  if (xs.size === 0 || whole.verdict === "pass") return whole;
  const accuraciesAt = (cells: readonly ComparedCell[], x: number) =>
    cells.flatMap(({ points = [] }) => points.filter((point) => point.x === x).map(toAccuracy));
  const compared = [...xs].map((x) => ({
    x,
    error: compareErrors(
      dtype,
      { digests: before.digests, accuracies: accuraciesAt(baseline, x) },
      { digests: after.digests, accuracies: accuraciesAt(candidate, x) },
      limits,
    ),
  }));
  const grown = (["regression", "inconclusive"] as const).flatMap(
    (verdict) => compared.find(({ error }) => error.verdict === verdict) ?? [],
  );
  const [worst] = grown;
  if (!worst) return { ...whole, verdict: "changed", reason: "another gradient along the sweep" };
  return { ...worst.error, reason: `at ${worst.x}: ${worst.error.reason}` };
}
