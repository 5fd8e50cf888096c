import type { Cell } from "@softmax-bench/core";
import { overlaps } from "@softmax-bench/stats";
import { formatCount, formatDuration, formatError } from "./format.js";
import type { RankedCell } from "./ranking.js";

const UNIT_ROUNDOFF: Readonly<Record<Cell["dtype"], number>> = { float32: 2 ** -24, float64: 2 ** -53 };

/**
 * Relative L2 error of a gradient that is recommended, in unit roundoffs. Sixteen leaves room for what a stable
 * formulation accumulates in an exponential, a sum and a quotient; cancellation and overflow go beyond it.
 */
export const RECOMMENDED_ROUNDOFFS = 16;

export const errorBound = (dtype: Cell["dtype"]): number => RECOMMENDED_ROUNDOFFS * UNIT_ROUNDOFF[dtype];

const isWithinBound = ({ dtype, error }: RankedCell): boolean =>
  error.nonFinite === 0 && error.relL2 <= errorBound(dtype);

const nameOf = ({ backend, method }: RankedCell): string => `${backend} ${method}`;

const rangeOf = ({ timing: { ci95Ns } }: RankedCell) => ({ low: ci95Ns[0], high: ci95Ns[1] });

/** Why a cell is outside the bound; an error over the finite entries alone may well be small. */
const failingOf = ({ error: { nonFinite, relL2 } }: RankedCell): string =>
  nonFinite > 0 ? `${formatCount(nonFinite)} non-finite` : formatError(relL2);

/** `a, b and c`; beyond three, `a, b and 4 others`. */
function enumerate(names: readonly string[]): string {
  const shown = names.length > 3 ? [...names.slice(0, 2), `${names.length - 2} others`] : names;
  return [shown.slice(0, -1).join(", "), shown.at(-1)].filter(Boolean).join(" and ");
}

/** The closing sentence on one workload and dtype: the fastest cell whose error is within the bound. */
export function verdictOn(workload: string, dtype: Cell["dtype"], ranked: readonly RankedCell[]): string {
  const bound = `relative L2 error ≤ ${formatError(errorBound(dtype))}, ${RECOMMENDED_ROUNDOFFS} unit roundoffs`;
  const start = `${workload}, ${dtype}:`;
  const [fastest] = ranked;
  if (!fastest) return `${start} no cell was measured.`;
  const best = ranked.find(isWithinBound);
  if (!best) return `${start} no gradient is within the error bound (${bound}).`;

  const isTied = (cell: RankedCell): boolean => overlaps(rangeOf(cell), rangeOf(best));
  const rivals = ranked.filter((cell) => cell !== best && isWithinBound(cell) && isTied(cell));
  const tied = rivals.length ? `, tied with ${enumerate(rivals.map(nameOf))}` : "";
  const faster =
    best === fastest
      ? ""
      : ` (${nameOf(fastest)} is ${isTied(fastest) ? "as fast" : "faster"}, but outside: ${failingOf(fastest)})`;
  return (
    `${start} ${nameOf(best)} is the fastest within the error bound (${bound}): ` +
    `${formatDuration(best.timing.medianNs)}, relative L2 error ${formatError(best.error.relL2)}, ` +
    `max ${formatCount(best.error.maxUlp)} ULP${tied}${faster}.`
  );
}
