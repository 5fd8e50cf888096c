import { type DoubleDouble, productTail } from "./arithmetic.js";
import { fastSumError, sumError } from "./error-free.js";

/**
 * Double-doubles as two parallel arrays of equal length: entry i is the unevaluated sum hi[i] + lo[i].
 * Loops over such arrays are the hot path of the oracle; they allocate nothing per entry.
 */
export interface DoubleDoubleArray {
  readonly hi: Float64Array;
  readonly lo: Float64Array;
}

/** Entry `index`, which must exist. */
export function entry(values: DoubleDoubleArray, index: number): DoubleDouble {
  return { hi: values.hi[index] as number, lo: values.lo[index] as number };
}

/** Overwrites entry `index`, which must exist. */
export function setEntry(values: DoubleDoubleArray, index: number, value: DoubleDouble): void {
  values.hi[index] = value.hi;
  values.lo[index] = value.lo;
}

/**
 * Sum of the entries in [start, end), none of which may be negative: without cancellation each addition
 * errs by at most 3 * 2^-106 relative (SloppyDWPlusDW, Joldes, Muller, Popescu 2017).
 */
export function sumOfNonNegative({ hi, lo }: DoubleDoubleArray, start: number, end: number): DoubleDouble {
  let sumHi = 0;
  let sumLo = 0;
  for (let i = start; i < end; i++) {
    const value = hi[i] as number;
    const sum = sumHi + value;
    const tail = sumError(sumHi, value, sum) + (sumLo + (lo[i] as number));
    sumHi = sum + tail;
    sumLo = fastSumError(sum, tail, sumHi);
  }
  return { hi: sumHi, lo: sumLo };
}

/**
 * Multiplies the entries in [start, end) by `factor` and then by `powerOfTwo`. The second step is exact except that it
 * rounds once to the subnormal grid, so a caller that keeps tiny entries scaled up until here loses at most 2^-1074 to
 * underflow.
 */
export function scale(
  { hi, lo }: DoubleDoubleArray,
  start: number,
  end: number,
  factor: DoubleDouble,
  powerOfTwo: number,
): void {
  const { hi: factorHi, lo: factorLo } = factor;
  for (let i = start; i < end; i++) {
    const value = hi[i] as number;
    const product = value * factorHi;
    const tail = productTail(value, lo[i] as number, factorHi, factorLo, product);
    const sum = product + tail;
    hi[i] = sum * powerOfTwo;
    lo[i] = fastSumError(product, tail, sum) * powerOfTwo;
  }
}
