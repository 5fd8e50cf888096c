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
  /** max |g - g*| / max |g*|, with the convention of `relL2`. */
  readonly scaledMaxAbs: number;
  /** sum |g - g*|, within 2^-42 of itself. */
  readonly sumAbs: number;
  /** Mean of the signed errors g - g*, within 2^-42 of the mean |g - g*|: 0 when they balance. */
  readonly bias: number;
}

/** The norms if any entry is NaN or infinite: worse than every finite error. */
const UNBOUNDED: ErrorNorms = {
  relL2: Number.POSITIVE_INFINITY,
  maxAbs: Number.POSITIVE_INFINITY,
  scaledMaxAbs: Number.POSITIVE_INFINITY,
  sumAbs: Number.POSITIVE_INFINITY,
  bias: Number.POSITIVE_INFINITY,
};

/**
 * Entries are read as float64 in blocks that stay in the first-level cache. Inside a block sums are plain, which costs
 * at most 2^10 rounding errors of 2^-53 relative to the sum of magnitudes; across blocks they are compensated.
 */
const BLOCK_LENGTH = 1024;

/**
 * The {@link ErrorNorms} of `computed` against `exact`. Each error is (g - hi) - lo, so the rounding of hi does not
 * count in favour of a computed entry close to its exact value. If an entry on either side is NaN or infinite, all
 * norms are Infinity: never NaN, and such entries never improve a norm.
 *
 * @throws RangeError unless the arrays have the same, non-zero length.
 */
export function errorNorms(computed: FloatArray, exact: ExactValues): ErrorNorms {
  requireSameLength(computed, exact.hi);
  // The low half does not affect a float32: 2^-29 of its ULP at most.
  const lo = computed instanceof Float64Array ? exact.lo : undefined;
  const exactNorm = exact.lo === undefined ? euclideanNorm(exact.hi) : referenceNorm(exact.hi);
  const errorNorm = new EuclideanNorm();
  const signed = new CompensatedSum();
  const absolute = new CompensatedSum();
  const errorBlock = new Float64Array(BLOCK_LENGTH);
  const hiBlock = new Float64Array(BLOCK_LENGTH);

  for (let start = 0; start < computed.length; start += BLOCK_LENGTH) {
    const end = Math.min(start + BLOCK_LENGTH, computed.length);
    const errors = end - start === BLOCK_LENGTH ? errorBlock : errorBlock.subarray(0, end - start);
    errors.set(computed.subarray(start, end));
    subtract(errors, asFloat64(exact.hi.subarray(start, end), hiBlock));
    if (lo !== undefined) subtract(errors, lo.subarray(start, end));
    const sums = computeSums(errors);
    signed.add(sums.signed);
    absolute.add(sums.absolute);
    errorNorm.addSquares(sumOfSquares(errors, errorNorm.unitFor(sums.largest)));
  }

  if (!Number.isFinite(absolute.value)) return UNBOUNDED;
  return {
    relL2: errorNorm.relativeTo(exactNorm),
    maxAbs: errorNorm.max,
    scaledMaxAbs: errorNorm.max === 0 ? 0 : errorNorm.max / exactNorm.max,
    sumAbs: absolute.value,
    bias: signed.value / computed.length,
  };
}

/** Many methods are compared with one reference, whose norm takes a fifth of the time. References never change. */
const referenceNorms = new WeakMap<FloatArray, EuclideanNorm>();

function referenceNorm(exact: FloatArray): EuclideanNorm {
  const known = referenceNorms.get(exact);
  if (known) return known;
  const norm = euclideanNorm(exact);
  referenceNorms.set(exact, norm);
  return norm;
}

function euclideanNorm(exact: FloatArray): EuclideanNorm {
  const norm = new EuclideanNorm();
  const block = new Float64Array(BLOCK_LENGTH);
  for (let start = 0; start < exact.length; start += BLOCK_LENGTH) {
    const values = asFloat64(exact.subarray(start, start + BLOCK_LENGTH), block);
    norm.addSquares(sumOfSquares(values, norm.unitFor(computeSums(values).largest)));
  }
  return norm;
}

/** The values themselves, or a copy in `block`, so that every loop below works on one type of array. */
function asFloat64(values: FloatArray, block: Float64Array): Float64Array {
  if (values instanceof Float64Array) return values;
  const copy = block.subarray(0, values.length);
  copy.set(values);
  return copy;
}

function subtract(values: Float64Array, subtrahends: Float64Array): void {
  for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) - (subtrahends[i] as number);
}

interface Sums {
  readonly signed: number;
  readonly absolute: number;
  readonly largest: number;
}

/** Computes all sums in one pass: each is a chain of dependent additions, and the chains overlap. */
function computeSums(values: Float64Array): Sums {
  let [signed, absolute, largest] = [0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    const magnitude = Math.abs(value);
    signed += value;
    absolute += magnitude;
    if (magnitude > largest) largest = magnitude;
  }
  return { signed, absolute, largest };
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
class CompensatedSum {
  #sum = 0;
  #tail = 0;

  add(value: number): void {
    const next = this.#sum + value;
    this.#tail += sumError(this.#sum, value, next);
    this.#sum = next;
  }

  get value(): number {
    return this.#sum + this.#tail;
  }
}
