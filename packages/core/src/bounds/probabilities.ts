import { FORMATS, type FormatId } from "@softmax-bench/numerics";
import type { KernelAccuracy } from "./kernels.js";

/** The way the roundings of a formulation accumulate. */
export interface Rounding {
  /** The source of its probabilities. */
  readonly probabilities: "exponentials" | "shifted exponentials" | "log-probabilities" | "pairs";
  /** Its automatic derivative has a gradient through the maximum. */
  readonly throughMaximum?: boolean;
  /** Its target entry is minus the sum of the others. */
  readonly balanced?: boolean;
}

/**
 * The relative error of an exponential as a pair m 2^n, in unit roundoffs. x − n ln 2, whose size is at most 1/2, rounds once, 1/4;
 * in float32, n · low of ln 2 = high + low rounds at 2^-28, 1/16, and that sum differs from ln 2 by 2^-39, n of which are 1/64.
 * The product with `high` and its subtraction are exact: |n| ≤ 512 (4096 in float64), since a larger maximum is subtracted first,
 * exactly. The minimax polynomial differs from exp by 0.05. In m = 1 + (r + r² Q), r² Q ≤ 0.07 has four roundings, 0.28, the inner sum
 * is at most 1/2, 1/4, and the outer one rounds by 1 in [1, √2), by 1/2 in [1/√2, 1). That is less than 2, relative to m.
 * 2^n is exact.
 */
const PAIR = 2;

/** Roundings of a sum of pairs, of any number: four vectors are added to each other, their sums in higher precision. */
const SUM_OF_PAIRS = 3;

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
  const top = logits.indexOf(maximum);
  // Without the largest term, 1, which the others may be lost in.
  const logSum = Math.log1p(logits.reduce((sum, x, c) => (c === top ? sum : sum + Math.exp(x - maximum)), 0));
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
  if (probabilities === "pairs") {
    const ofRatio = PAIR + SUM_OF_PAIRS;
    return {
      p,
      logP,
      // And the factor of the row, the quotient by the sum.
      relative: logP.map(() => PAIR + ofRatio + division),
      // log(1 + q) of the ratio q = (1 − p) / p; its derivative times q is 1 − p.
      loss: logP.map(
        (value) => -Math.expm1(value) * ofRatio + log.absolute + log.relative * finiteMagnitude(value),
      ),
      smallest: FORMATS[dtype].smallestNormal,
    };
  }
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
