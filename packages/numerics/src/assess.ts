import { type FloatArray, formatOf, requireSameLength, requireSameType } from "./float-array.js";
import { FORMATS, type FormatId } from "./formats.js";
import { countNonFinite } from "./metrics/non-finite.js";
import { errorNorms } from "./metrics/relative.js";
import { largestRowSum } from "./metrics/row-sum.js";
import { ulpDistribution } from "./metrics/ulp.js";
import { countOutOfRange, type RangeCounts } from "./metrics/underflow.js";
import type { Reference } from "./oracle.js";
import { roundReference } from "./round.js";

/** Every error metric of one computed gradient. All are >= 0 except `bias`, and none is ever NaN. */
export interface GradientError {
  /** ||g - g*||_2 / ||g*||_2. */
  readonly relL2: number;
  /** max |g - g*|. */
  readonly maxAbs: number;
  /** max |g - g*| / max |g*|. */
  readonly scaledMaxAbs: number;
  /** sum |g - g*|. */
  readonly sumAbs: number;
  /** Largest distance from the correctly rounded gradient, in ULP of the computed dtype. */
  readonly maxUlp: number;
  /** 99th percentile of those distances. */
  readonly p99Ulp: number;
  /** Median of those distances. */
  readonly medianUlp: number;
  /** Share of entries that are correctly rounded, between 0 and 1. */
  readonly correctlyRounded: number;
  /** Mean signed error g - g*. */
  readonly bias: number;
  /** Number of NaN or infinite entries. If there is one, all norms, bias and row sum are Infinity. */
  readonly nonFinite: number;
  /** max over rows of |sum_j g_ij|, which is 0 for the exact gradient. */
  readonly rowSumResidual: number;
  /** Entries at the ends of the format's range; absent where there are none. */
  readonly range?: RangeCounts;
}

/**
 * Assesses a computed gradient, rows x classes, row-major.
 *
 * @param id the format of its numbers, whose ULP are counted; by default that of its array
 * @throws RangeError if its length differs from the reference's.
 */
export function assessGradient(
  computed: FloatArray,
  reference: Reference,
  id: FormatId = formatOf(computed),
): GradientError {
  const { relL2, maxAbs, scaledMaxAbs, sumAbs, bias } = errorNorms(computed, reference.gradient);
  const rounded = roundedGradient(reference, id);
  const ulp = ulpDistribution(computed, rounded, id);
  const range = countOutOfRange({ computed, rounded, exact: reference.gradient.hi }, FORMATS[id]);
  return {
    relL2,
    maxAbs,
    scaledMaxAbs,
    sumAbs,
    maxUlp: ulp.max,
    p99Ulp: ulp.p99,
    medianUlp: ulp.median,
    correctlyRounded: ulp.correctlyRounded,
    bias,
    nonFinite: Number.isFinite(sumAbs) ? 0 : countNonFinite(computed),
    rowSumResidual: largestRowSum(computed, reference.classes),
    ...(range ? { range } : {}),
  };
}

// Many methods are assessed against one reference; rounding it costs as much as an assessment.
const roundedGradients = new WeakMap<Reference, Map<FormatId, FloatArray>>();

function roundedGradient(reference: Reference, id: FormatId): FloatArray {
  if (id === "float64") return reference.gradient.hi;
  const known = roundedGradients.get(reference) ?? new Map<FormatId, FloatArray>();
  roundedGradients.set(reference, known);
  const rounded = known.get(id) ?? roundReference(reference.gradient, id);
  known.set(id, rounded);
  return rounded;
}

/**
 * Largest relative error |loss - loss*| / loss* over the entries of a computed loss. Infinity if a computed entry is
 * NaN or infinite and the exact one is another value, or if the exact one is 0 (one class, an ignored row) and the
 * computed one is not.
 *
 * @throws RangeError unless the computed loss has as many entries as the reference's.
 */
export function assessLoss(computed: FloatArray, { loss }: Reference): number {
  requireSameLength(computed, loss.hi);
  let largest = 0;
  for (let i = 0; i < computed.length; i++) {
    const [value, hi, lo] = [computed[i] as number, loss.hi[i] as number, loss.lo[i] as number];
    if (Number.isNaN(value) && Number.isNaN(hi)) continue;
    if (value === hi && !Number.isFinite(hi)) continue;
    const error = Math.abs(value - hi - lo);
    largest = Math.max(
      largest,
      error === 0 ? 0 : Number.isFinite(error) ? error / hi : Number.POSITIVE_INFINITY,
    );
  }
  return largest;
}

/** The distance of two gradients of the same format. No field is ever NaN. */
export interface Distance {
  /** sum |a - b|. */
  readonly sumAbs: number;
  /** max |a - b|. */
  readonly maxAbs: number;
  /** ||a - b||_2 / ||b||_2. */
  readonly relL2: number;
  /** Largest distance of two entries in ULP. */
  readonly maxUlp: number;
}

/**
 * Distance between two methods' gradients, without reference to the exact one. If an entry of either is NaN or
 * infinite, all fields are Infinity.
 *
 * @param id the format of their numbers; by default that of the arrays
 * @throws RangeError unless the arrays have the same type and the same, non-zero length.
 */
export function distance(a: FloatArray, b: FloatArray, id: FormatId = formatOf(a)): Distance {
  requireSameType(a, b);
  const { sumAbs, maxAbs, relL2 } = errorNorms(a, { hi: b });
  return { sumAbs, maxAbs, relL2, maxUlp: ulpDistribution(a, b, id).max };
}
