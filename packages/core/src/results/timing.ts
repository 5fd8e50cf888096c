import type { Timing } from "./schema.js";

/** The interval for a median that covers it with at least 95 %; undefined where there are too few observations for one. */
export const intervalOf = ({ ci95Ns, coverage }: Timing): readonly [number, number] | undefined =>
  coverage >= 0.95 ? ci95Ns : undefined;

/** The number of observations that a median is over. */
export const observationsOf = ({ n, processMedians, samples }: Timing): number =>
  n ?? processMedians?.length ?? samples.length;
