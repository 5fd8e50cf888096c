/** The user's tolerances. Ratios minus 1: 0.1 is 10 %. */
export interface Limits {
  /** A slowdown of this size should be found; half of it never fails. */
  readonly maxSlowdown: number;
  /** Growth of an error over the baseline on the same machine, up to which a gradient is merely "changed". */
  readonly maxErrorGrowth: number;
  /** Growth of the executed instructions that should be found; half of it never fails. */
  readonly maxInstructionGrowth: number;
}

export const DEFAULT_LIMITS: Limits = { maxSlowdown: 0.1, maxErrorGrowth: 1, maxInstructionGrowth: 0.01 };

/**
 * Logarithms of the ratio from which a slowdown counts. The test must reject "no slowdown", and the estimate must reach
 * the floor: half the limit, so that a slowdown equal to the limit, whose estimate lies below it as often as above, is
 * nearly always found. A third of the limit justifies a second look.
 */
export function toThresholds({ maxSlowdown }: Limits) {
  const limit = Math.log1p(maxSlowdown);
  return { limit, floor: limit / 2, route: limit / 3 };
}

/** Slowdowns below this, in nanoseconds, never fail: the clock and a call cost a tenth of it. */
export const ABSOLUTE_FLOOR_NS = 1000;

/** Probability that a job without any difference rejects something. */
export const ALPHA = 0.05;

/**
 * The same on a busy machine, where a slowdown must be beyond what its other programs cause: one gate in fifty of those that
 * would be wrong on a quiet one.
 */
export const BUSY_ALPHA = ALPHA / 50;
