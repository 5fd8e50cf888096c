import {
  medianAbsoluteDeviation as deviationOf,
  median as medianOf,
  quantile as quantileOf,
} from "simple-statistics";

/** @throws RangeError on an empty list. */
export function median(samples: readonly number[]): number {
  return medianOf(nonEmpty(samples) as number[]);
}

/** The value that a share `p` of the samples does not exceed. @throws RangeError on an empty list. */
export function quantile(samples: readonly number[], p: number): number {
  return quantileOf(nonEmpty(samples) as number[], p);
}

/** Median distance from the median, in the samples' own unit, without the scale factor for a normal distribution. */
export function medianAbsoluteDeviation(samples: readonly number[]): number {
  return deviationOf(nonEmpty(samples) as number[]);
}

function nonEmpty(samples: readonly number[]): readonly number[] {
  if (samples.length === 0) throw new RangeError("statistics need at least one sample");
  return samples;
}
