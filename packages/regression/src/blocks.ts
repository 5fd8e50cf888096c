/** The role of a process: `control` runs the baseline's revision again. */
export type Role = "baseline" | "candidate" | "control";

/**
 * Times of a cell in the processes of one block, in ns: two processes of each role, one in the first half of the block
 * and one in the second.
 */
export interface Block {
  readonly baseline: readonly [number, number];
  readonly candidate: readonly [number, number];
  /** Absent in the first stage, and if baseline and candidate are identical. */
  readonly control?: readonly [number, number];
}

/**
 * The two halves of a block: the roles in random order, and in reverse, as A-B and B-A. The processes of a half measure
 * each cell in this order. The outer role is drawn at random, so drift over the block is as likely to favour either.
 *
 * @param uniform numbers in [0, 1)
 */
export function drawOrder(roles: readonly Role[], uniform: () => number): [Role[], Role[]] {
  const drawn = roles
    .map((role) => ({ role, at: uniform() }))
    .sort((a, b) => a.at - b.at)
    .map(({ role }) => role);
  return [drawn, drawn.toReversed()];
}

/**
 * ln(min(B₁, B₂) / min(A₁, A₂)): the factor, in logarithms, by which the candidate is slower than the baseline in one
 * block. Disturbances only add to a process's time, so the less disturbed of two says more than both.
 */
export const slowdownLogRatio = ({ baseline, candidate }: Block): number => logRatio(candidate, baseline);

/** The same for the baseline's revision against itself; undefined if it was not measured. */
export const controlLogRatio = ({ baseline, control }: Block): number | undefined =>
  control && logRatio(control, baseline);

const logRatio = (over: readonly [number, number], under: readonly [number, number]): number =>
  Math.log(Math.min(...over) / Math.min(...under));
