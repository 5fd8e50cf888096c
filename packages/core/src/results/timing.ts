import { plural } from "../plural.js";
import type { Timing } from "./schema.js";

/** The interval that covers a median with at least 95 %; undefined if there are too few observations. */
export const intervalOf = ({ ci95Ns, coverage }: Timing): readonly [number, number] | undefined =>
  coverage >= 0.95 ? ci95Ns : undefined;

/** The number of observations behind a median. */
export const countObservations = ({ n, processMedians, samples }: Timing): number =>
  n ?? processMedians?.length ?? samples.length;

/** The observations that a median is of: `3 processes`, `12 samples`. */
export const describeObservations = (timing: Timing): string => {
  const count = countObservations(timing);
  return timing.scope === "processes" ? plural(count, "process", "processes") : plural(count, "sample");
};
