/** Whose process it is: `control` is the baseline's revision again. */
export type Role = "baseline" | "candidate" | "control";

/**
 * Medians of a cell in the processes of one block, in ns: two processes of each role, one in the first half of the block
 * and one in the second.
 */
export interface Block {
  readonly baseline: readonly [number, number];
  readonly candidate: readonly [number, number];
  /** Absent in the first stage, and where baseline and candidate are the same anyway. */
  readonly control?: readonly [number, number];
}

/**
 * The order of the processes of a block: the roles in random order, then in reverse, as A-B-B-A. Drift that is linear
 * over the block falls out; which role is outside is drawn, so that the rest of it is as likely to favour either.
 *
 * @param uniform numbers in [0, 1)
 */
export function orderOf(roles: readonly Role[], uniform: () => number): Role[] {
  const drawn = roles
    .map((role) => ({ role, at: uniform() }))
    .sort((a, b) => a.at - b.at)
    .map(({ role }) => role);
  return [...drawn, ...drawn.toReversed()];
}

/** ½ ln(B₁B₂ / A₁A₂): by which factor, in logarithms, the candidate is slower than the baseline in one block. */
export const slowdownOf = ({ baseline, candidate }: Block): number => halfLogRatio(candidate, baseline);

/** The same of the baseline's revision against itself; undefined where it was not measured. */
export const controlOf = ({ baseline, control }: Block): number | undefined =>
  control && halfLogRatio(control, baseline);

const halfLogRatio = (over: readonly [number, number], under: readonly [number, number]): number =>
  Math.log((over[0] / under[0]) * (over[1] / under[1])) / 2;
