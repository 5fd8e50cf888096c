import { fastSumError, productError, sumError } from "./error-free.js";

/**
 * An unevaluated sum hi + lo of two float64 with |lo| <= ulp(hi) / 2: about 106 significant bits.
 * Error bounds below are relative, in units of u = 2^-53, from Joldes, Muller, Popescu (2017).
 */
export interface DoubleDouble {
  readonly hi: number;
  readonly lo: number;
}

/** The double-double nearest to hi + lo, for |hi| >= |lo|. */
function normalize(hi: number, lo: number): DoubleDouble {
  const sum = hi + lo;
  return { hi: sum, lo: fastSumError(hi, lo, sum) };
}

/** The float64 `value` as a double-double. */
export function fromNumber(value: number): DoubleDouble {
  return { hi: value, lo: 0 };
}

/** -a, exactly; a zero becomes +0, never -0. */
export function negate(a: DoubleDouble): DoubleDouble {
  return { hi: 0 - a.hi, lo: 0 - a.lo };
}

/** a + b within 3 u^2 (AccurateDWPlusDW). */
export function add(a: DoubleDouble, b: DoubleDouble): DoubleDouble {
  const hi = a.hi + b.hi;
  const lo = a.lo + b.lo;
  const head = normalize(hi, sumError(a.hi, b.hi, hi) + lo);
  return normalize(head.hi, sumError(a.lo, b.lo, lo) + head.lo);
}

/**
 * The difference between (aHi + aLo)(bHi + bLo) and `product = fl(aHi * bHi)`, to within the negligible aLo * bLo: the
 * second half of DWTimesDW, for loops that keep their operands in local variables.
 */
export function productTail(aHi: number, aLo: number, bHi: number, bLo: number, product: number): number {
  return productError(aHi, bHi, product) + (aHi * bLo + aLo * bHi);
}

/** a * b within 7 u^2 (DWTimesDW1), in the range of `productError`. */
export function multiply(a: DoubleDouble, b: DoubleDouble): DoubleDouble {
  const product = a.hi * b.hi;
  return normalize(product, productTail(a.hi, a.lo, b.hi, b.lo, product));
}

/** a / b within 15 u^2 (DWDivDW2), in the range of `productError`; b must not be 0. */
export function divide(a: DoubleDouble, b: DoubleDouble): DoubleDouble {
  const quotient = a.hi / b.hi;
  const back = multiply(b, fromNumber(quotient));
  const remainder = a.hi - back.hi + (a.lo - back.lo);
  return normalize(quotient, remainder / b.hi);
}
