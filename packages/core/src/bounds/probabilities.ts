import { FORMATS, type FormatId } from "@softmax-bench/numerics";
import type { KernelAccuracy } from "./kernels.js";

/** The way the roundings of a formulation accumulate. */
export interface Rounding {
  /** The source of its probabilities. */
  readonly probabilities: "exponentials" | "shifted exponentials" | "log-probabilities";
  /** Its automatic derivative has a gradient through the maximum. */
  readonly throughMaximum?: boolean;
  /** Its target entry is minus the sum of the others. */
  readonly balanced?: boolean;
}

export interface ProbabilityErrors {
  readonly p: Float64Array;
  readonly logP: Float64Array;
  /** Relative errors of p, in unit roundoffs. */
  readonly relative: Float64Array;
  /** Absolute errors of −log p in the loss, in unit roundoffs. */
  readonly loss: Float64Array;
  /** The largest change of a probability by exponentials that underflow to 0. */
  readonly smallest: number;
}

/** Errors of the probabilities of one row `[C]`, by their source. */
export function probabilityErrors(
  logits: Float64Array,
  { probabilities }: Rounding,
  { exp, log, division }: KernelAccuracy,
  dtype: FormatId,
): ProbabilityErrors {
  const classes = logits.length;
  const maximum = largestValue(logits);
  const unshifted = probabilities === "exponentials";
  const logSum = Math.log(logits.reduce((sum, x) => sum + Math.exp(x - maximum), 0));
  const largest = logits.reduce((a, b) => (Number.isFinite(b) ? Math.max(a, Math.abs(b)) : a), 0);
  const expError = (x: number) => (Number.isFinite(x) ? exp.fixed + exp.perArgument * Math.abs(x) : 0);
  const finiteMagnitude = (x: number) => (Number.isFinite(x) ? Math.abs(x) : 0);

  const logP = Float64Array.from(logits, (x) => x - maximum - logSum);
  const p = logP.map(Math.exp);
  const ofExponential = Float64Array.from(logits, (x) =>
    unshifted ? expError(x) : finiteMagnitude(x - maximum) + expError(x - maximum),
  );
  // Of the sum of exponentials: the exponentials' errors, each with its weight, and the additions'.
  const ofSum = p.reduce((sum, pc, c) => sum + pc * (ofExponential[c] as number), classes - 1);
  const logOfSum = unshifted ? logSum + maximum : logSum;
  const ofLogSum = ofSum + log.absolute + log.relative * Math.abs(logOfSum);
  const direct = ofExponential.map((error) => error + ofSum + division + 1);
  const throughLog = probabilities === "log-probabilities" ? 2 * largest + Math.abs(logSum) : 0;
  const ofLogP = logP.map(
    (value, c) =>
      finiteMagnitude((logits[c] as number) - maximum) + ofLogSum + finiteMagnitude(value) + throughLog,
  );
  return {
    p,
    logP,
    relative:
      probabilities === "log-probabilities"
        ? ofLogP.map((error, c) => error + expError(logP[c] as number) + division)
        : direct,
    // The logarithm of a probability, or the difference of logarithms, depending on the formulation.
    loss: ofLogP.map(
      (error, c) =>
        error + (direct[c] as number) + log.absolute + log.relative * finiteMagnitude(logP[c] as number),
    ),
    smallest: FORMATS[dtype].smallestNormal * (unshifted ? Math.exp(-logOfSum) : 1),
  };
}

export const largestValue = (values: Float64Array): number =>
  values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
