import { plural } from "../plural.js";
import type { Timing } from "./schema.js";

/**
 * The interval over processes that covers a median with at least 95 %; undefined if they are too few. Samples inside one
 * process say nothing of the next one (docs/methodology.md).
 */
export const intervalOf = ({ ci95Ns, coverage, scope }: Timing): readonly [number, number] | undefined =>
  coverage >= 0.95 && scope === "processes" ? ci95Ns : undefined;

/** The number of observations behind a median. */
export const countObservations = ({ n, processMedians, samples }: Timing): number =>
  n ?? processMedians?.length ?? samples.length;

/** The observations that a median is of: `3 processes`, `12 samples`. */
export const describeObservations = (timing: Timing): string => {
  const count = countObservations(timing);
  return timing.scope === "processes" ? plural(count, "process", "processes") : plural(count, "sample");
};
