/** What a user tolerates. Ratios minus 1: 0.1 is 10 %. */
export interface Limits {
  /** A slowdown of this much is to be found; one of half of it never fails. */
  readonly maxSlowdown: number;
  /** Growth of an error, against the baseline on the same machine, up to which a changed gradient is only "changed". */
  readonly maxErrorGrowth: number;
}

export const DEFAULT_LIMITS: Limits = { maxSlowdown: 0.1, maxErrorGrowth: 1 };

/**
 * Logarithms of the ratio from which a slowdown counts. What is no slowdown at all must be rejected by the test, and the
 * estimate must reach the floor besides: half the limit, so that a slowdown of the limit itself, whose estimate lies
 * below it as often as above, is found nearly always. A third of it is reason enough to look again.
 */
export function thresholdsOf({ maxSlowdown }: Limits) {
  const limit = Math.log1p(maxSlowdown);
  return { limit, floor: limit / 2, route: limit / 3 };
}

/** Slowdowns below this, in nanoseconds, fail nothing: the clock and a call cost a tenth of it. */
export const ABSOLUTE_FLOOR_NS = 1000;

/** Probability that a job in which nothing differs rejects anything. */
export const ALPHA = 0.05;
