import { sumError } from "../double-double/error-free.js";
import { type FloatArray, requireSameLength } from "../float-array.js";
import { EuclideanNorm } from "./euclidean-norm.js";

/** An exact array: float values, or unevaluated sums hi + lo when `lo` is given. */
export interface ExactValues {
  readonly hi: FloatArray;
  readonly lo?: Float64Array;
}

/** Size and sign of the errors g - g* of a computed array g against an exact array g*. */
export interface ErrorNorms {
  /** ||g - g*||_2 / ||g*||_2; if g* is zero, 0 when g is too and Infinity otherwise. */
  readonly relL2: number;
  /** max |g - g*|. */
  readonly maxAbs: number;
  /** sum |g - g*|, compensated. */
  readonly sumAbs: number;
  /** Mean of the signed errors g - g*, compensated: 0 when they balance. */
  readonly bias: number;
}

/** What any NaN or infinite entry makes of all norms: a result that is worse than every finite error. */
const UNBOUNDED: ErrorNorms = {
  relL2: Number.POSITIVE_INFINITY,
  maxAbs: Number.POSITIVE_INFINITY,
  sumAbs: Number.POSITIVE_INFINITY,
  bias: Number.POSITIVE_INFINITY,
};

/** Entries are taken as float64 in blocks that stay in the first-level cache. */
const BLOCK_LENGTH = 1024;

/**
 * The {@link ErrorNorms} of `computed` against `exact`. Each error is (g - hi) - lo, so a computed entry
 * close to its exact value is not credited with the rounding of hi. If an entry on either side is NaN or
 * infinite, all norms are Infinity: never NaN, and never better for leaving such entries out.
 *
 * @throws RangeError unless the arrays have the same, non-zero length.
 */
export function errorNorms(computed: FloatArray, exact: ExactValues): ErrorNorms {
  requireSameLength(computed, exact.hi);
  const errorNorm = new EuclideanNorm();
  const exactNorm = new EuclideanNorm();
  const signed = { sum: 0, tail: 0 };
  const absolute = { sum: 0, tail: 0 };

  const errorBlock = new Float64Array(BLOCK_LENGTH);
  const hiBlock = new Float64Array(BLOCK_LENGTH);

  for (let start = 0; start < computed.length; start += BLOCK_LENGTH) {
    const end = Math.min(start + BLOCK_LENGTH, computed.length);
    const errors = errorBlock.subarray(0, end - start);
    const hi = hiBlock.subarray(0, end - start);
    errors.set(computed.subarray(start, end));
    hi.set(exact.hi.subarray(start, end));
    let largestError = subtract(errors, hi);
    if (exact.lo !== undefined) largestError = subtract(errors, exact.lo.subarray(start, end));

    exactNorm.addSquares(sumOfSquares(hi, exactNorm.unitFor(largestMagnitude(hi))));
    errorNorm.addSquares(sumOfSquares(errors, errorNorm.unitFor(largestError)));
    addErrors(errors, signed, absolute);
  }

  const sumAbs = absolute.sum + absolute.tail;
  if (!Number.isFinite(sumAbs)) return UNBOUNDED;
  return {
    relL2: errorNorm.relativeTo(exactNorm),
    maxAbs: errorNorm.max,
    sumAbs,
    bias: (signed.sum + signed.tail) / computed.length,
  };
}

/** Subtracts in place; returns the largest magnitude of the differences. */
function subtract(values: Float64Array, subtrahends: Float64Array): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    const difference = (values[i] as number) - (subtrahends[i] as number);
    values[i] = difference;
    const magnitude = Math.abs(difference);
    if (magnitude > largest) largest = magnitude;
  }
  return largest;
}

function largestMagnitude(values: Float64Array): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    const magnitude = Math.abs(values[i] as number);
    if (magnitude > largest) largest = magnitude;
  }
  return largest;
}

function sumOfSquares(values: Float64Array, unit: number): number {
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    const scaled = (values[i] as number) * unit;
    squares += scaled * scaled;
  }
  return squares;
}

/** A sum and the rounding errors of its additions, summed beside it (Neumaier 1974). */
interface CompensatedSum {
  sum: number;
  tail: number;
}

/** Both sums in one pass: each is a chain of additions that wait for one another, and the two overlap. */
function addErrors(errors: Float64Array, signed: CompensatedSum, absolute: CompensatedSum): void {
  let { sum: signedSum, tail: signedTail } = signed;
  let { sum: absoluteSum, tail: absoluteTail } = absolute;
  for (let i = 0; i < errors.length; i++) {
    const error = errors[i] as number;
    const nextSigned = signedSum + error;
    signedTail += sumError(signedSum, error, nextSigned);
    signedSum = nextSigned;

    const magnitude = Math.abs(error);
    const nextAbsolute = absoluteSum + magnitude;
    absoluteTail += sumError(absoluteSum, magnitude, nextAbsolute);
    absoluteSum = nextAbsolute;
  }
  signed.sum = signedSum;
  signed.tail = signedTail;
  absolute.sum = absoluteSum;
  absolute.tail = absoluteTail;
}
