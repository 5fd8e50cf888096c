import { medianAbsoluteDeviation as deviationOf, quantile as quantileOf } from "simple-statistics";

/** @throws RangeError on an empty list. */
export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/** The value that a share `p` of the samples does not exceed. @throws RangeError on an empty list. */
export function quantile(samples: readonly number[], p: number): number {
  const found = quantileOf(nonEmpty(samples) as number[], p);
  if (!Number.isNaN(found)) return found;
  // The library interpolates between two equal infinities, which makes NaN.
  const sorted = Float64Array.from(samples).sort();
  const position = (samples.length - 1) * p;
  const [below, above] = [sorted[Math.floor(position)], sorted[Math.ceil(position)]];
  return below === above && below !== undefined ? below : found;
}

/** Median distance from the median, in the samples' own unit, without the scale factor for a normal distribution. */
export function medianAbsoluteDeviation(samples: readonly number[]): number {
  return deviationOf(nonEmpty(samples) as number[]);
}

function nonEmpty(samples: readonly number[]): readonly number[] {
  if (samples.length === 0) throw new RangeError("statistics need at least one sample");
  return samples;
}
