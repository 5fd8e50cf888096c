import { type Interval, medianInterval } from "./interval.js";
import { median, medianAbsoluteDeviation } from "./robust.js";

/** The reported statistics of a list of samples, all in their unit. */
export interface Summary extends Interval {
  readonly median: number;
  readonly mad: number;
}

/** @throws RangeError on an empty list. */
export const summarize = (samples: readonly number[]): Summary => ({
  median: median(samples),
  mad: medianAbsoluteDeviation(samples),
  ...medianInterval(samples),
});
