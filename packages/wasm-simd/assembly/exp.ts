import { firstLanes, larger, loadSome, minusProduct, plusProduct, splat, storeSome, total } from "./vector";

/**
 * exp(x) for x ≤ 0: at most 1.02 ULP from exact; NaN for NaN. If `normal` is false, so are subnormal results, and 0 for
 * −Infinity, which takes two more operations; if it is true, x must not be less than `leastNormal`.
 *
 * x = n ln 2 + r with |r| ≤ ln 2 / 2, and exp(x) = 2^n exp(r) (Cody and Waite 1980). These are two loops over a block, `reduce`
 * and `evaluate`: operations on one vector wait for each other, and processors do not look ahead far enough to have several
 * whole exponentials under way.
 */

/** Down to here, exp(x) is a normal number. */
// @ts-ignore: decorator
@inline
export function leastNormal<T>(): f64 {
  return sizeof<T>() == 8 ? -708 : -87;
}

/** Constants, in memory, since V8 13 (Node 24) rebuilds those in the code for every vector. */
const CONSTANTS32: usize = memory.data<f32>([
  1.44269502, 0.693359375, -2.12194442e-4, 12582912 + 127, 12582912 + 127 + 32, -104, 2.3283064365386963e-10,
  1, 1, 0.49999994, 0.166665211, 0.041668389, 0.00836871658, 0.00138146081,
]);
const CONSTANTS64: usize = memory.data<f64>([
  1.4426950408889634, 6.93147180369123816490e-1, 1.90821492927058770002e-10, 6755399441055744 + 1023,
  6755399441055744 + 1023 + 64, -746, 5.421010862427522e-20,
  1, 1, 0.5000000000000011, 0.16666666666666413, 0.04166666666653017, 0.008333333333494446, 0.0013888888943627284,
  0.00019841269506603288, 2.4801493101955578e-5, 2.755758636039974e-6, 2.7630247274859504e-7, 2.50000633795847e-8,
]);
/** 1 / ln 2. */
export const PER_LN2: usize = 0;
/** ln 2 in two parts: n times the first is exact, for |n| up to 2^15 (2^20). */
export const LN2_HIGH: usize = 1;
export const LN2_LOW: usize = 2;
/**
 * Adding 1.5 · 2^23 (2^52) rounds to an integer n and leaves it in the low bits, from where a shift makes it an exponent, with
 * its bias. Where results may be subnormal, 32 (64) more keep 2^n normal until the last multiplication, which alone rounds.
 */
const ROUND_NORMAL: usize = 3;
const ROUND_ANY: usize = 4;
/** x is bounded by this where results may be subnormal, and those are multiplied by 2^-32 (2^-64). */
const LEAST: usize = 5;
const TINY: usize = 6;
/** Of the polynomial: the coefficient of degree 0. Those of higher degrees follow. */
const COEFFICIENTS: usize = 7;

// @ts-ignore: decorator
@inline
export function constant<T>(index: usize): v128 {
  return v128.load_splat<T>((sizeof<T>() == 8 ? CONSTANTS64 : CONSTANTS32) + index * sizeof<T>());
}

/** float32 has coefficients up to degree 6. */
// @ts-ignore: decorator
@inline
function coefficient<T>(degree: usize): v128 {
  return sizeof<T>() == 4 && degree > 6 ? splat<T>(0) : constant<T>(COEFFICIENTS + degree);
}

/** Stores r and n of x − shift for `count` entries, and as many more as fill a vector. */
// @ts-ignore: decorator
@inline
export function reduce<T>(x: usize, count: usize, shift: f64, rests: usize, exponents: usize, normal: bool): void {
  const m = splat<T>(shift);
  const perLn2 = constant<T>(PER_LN2);
  const high = constant<T>(LN2_HIGH);
  const low = constant<T>(LN2_LOW);
  const round = normal ? constant<T>(ROUND_NORMAL) : constant<T>(ROUND_ANY);
  const least = constant<T>(LEAST);
  const pair: isize = 32 / sizeof<T>();
  let left = <isize>count;
  for (; left >= pair; left -= pair, x += 32, rests += 32, exponents += 32) {
    const y = shifted<T>(v128.load(x), m, normal, least);
    const z = shifted<T>(v128.load(x, 16), m, normal, least);
    const u = plusProduct<T>(round, y, perLn2);
    const v = plusProduct<T>(round, z, perLn2);
    v128.store(exponents, v, 16);
    v128.store(exponents, u);
    const r = restOf<T>(y, v128.sub<T>(u, round), high, low);
    v128.store(rests, restOf<T>(z, v128.sub<T>(v, round), high, low), 16);
    v128.store(rests, r);
  }
  for (; left > 0; left -= pair / 2, x += 16, rests += 16, exponents += 16) {
    const y = shifted<T>(loadSome<T>(x, left, m), m, normal, least);
    const u = plusProduct<T>(round, y, perLn2);
    v128.store(exponents, u);
    v128.store(rests, restOf<T>(y, v128.sub<T>(u, round), high, low));
  }
}

// @ts-ignore: decorator
@inline
function shifted<T>(x: v128, shift: v128, normal: bool, least: v128): v128 {
  const z = v128.sub<T>(x, shift);
  return normal ? z : larger<T>(z, least);
}

/** z − n ln 2. */
// @ts-ignore: decorator
@inline
export function restOf<T>(z: v128, n: v128, high: v128, low: v128): v128 {
  return minusProduct<T>(minusProduct<T>(z, n, high), n, low);
}

/**
 * Stores the exponentials of `count` entries that were reduced, and returns their sum, or 0 if it is not `summed`. `sums` has 32 bytes for
 * its parts; if it is `continued`, it has those of the entries before, whose number is even.
 */
// @ts-ignore: decorator
@inline
export function evaluate<T>(
  rests: usize,
  exponents: usize,
  count: usize,
  out: usize,
  normal: bool,
  sums: usize,
  summed: bool = true,
  continued: bool = false,
): f64 {
  const tiny = constant<T>(TINY);
  const c0 = coefficient<T>(0);
  const c2 = coefficient<T>(2);
  const c3 = coefficient<T>(3);
  const c4 = coefficient<T>(4);
  const c5 = coefficient<T>(5);
  const c6 = coefficient<T>(6);
  const c7 = coefficient<T>(7);
  const c8 = coefficient<T>(8);
  const c9 = coefficient<T>(9);
  const c10 = coefficient<T>(10);
  const c11 = coefficient<T>(11);
  let a = continued ? v128.load(sums) : splat<T>(0);
  let b = continued ? v128.load(sums, 16) : a;
  const pair: isize = 32 / sizeof<T>();
  let left = <isize>count;
  for (; left >= pair; left -= pair, rests += 32, exponents += 32, out += 32) {
    const p = polynomial<T>(v128.load(rests), c0, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11);
    const e = power<T>(p, v128.load(exponents), normal, tiny);
    if (summed) a = v128.add<T>(a, e);
    const q = polynomial<T>(v128.load(rests, 16), c0, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11);
    const f = power<T>(q, v128.load(exponents, 16), normal, tiny);
    if (summed) b = v128.add<T>(b, f);
    v128.store(out, f, 16);
    v128.store(out, e);
  }
  if (summed) {
    v128.store(sums, a);
    v128.store(sums, b, 16);
  }
  for (; left > 0; left -= pair / 2, rests += 16, exponents += 16, out += 16) {
    const p = polynomial<T>(v128.load(rests), c0, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11);
    const e = power<T>(p, v128.load(exponents), normal, tiny);
    storeSome<T>(out, left, e);
    if (summed) a = v128.add<T>(a, firstLanes<T>(e, left));
  }
  return summed ? total<T>(v128.add<T>(a, b)) : 0;
}

/**
 * exp(r) = 1 + (r + r² Q(r)), so that only the last addition rounds at the size of the result. Q is the minimax polynomial for
 * the relative error of exp(r), by Remez's exchange: 0.05 unit roundoffs for degree 6 in float32, 0.03 for degree 11 in
 * float64. Short chains of operations that wait for each other (Estrin 1960); in float64, even and odd coefficients apart.
 */
// @ts-ignore: decorator
@inline
function polynomial<T>(
  r: v128,
  c0: v128,
  c2: v128,
  c3: v128,
  c4: v128,
  c5: v128,
  c6: v128,
  c7: v128,
  c8: v128,
  c9: v128,
  c10: v128,
  c11: v128,
): v128 {
  const s = v128.mul<T>(r, r);
  let q: v128;
  if (sizeof<T>() == 8) {
    let even = plusProduct<T>(c8, s, c10);
    let odd = plusProduct<T>(c9, s, c11);
    even = plusProduct<T>(c6, s, even);
    odd = plusProduct<T>(c7, s, odd);
    even = plusProduct<T>(c4, s, even);
    odd = plusProduct<T>(c5, s, odd);
    even = plusProduct<T>(c2, s, even);
    odd = plusProduct<T>(c3, s, odd);
    q = plusProduct<T>(even, r, odd);
  } else {
    const low = plusProduct<T>(c2, r, c3);
    const middle = plusProduct<T>(c4, r, c5);
    const upper = plusProduct<T>(middle, s, c6);
    q = plusProduct<T>(low, s, upper);
  }
  return v128.add<T>(plusProduct<T>(r, s, q), c0);
}

/** p 2^n. Multiplied, since adding to the exponent would turn a NaN into a number. */
// @ts-ignore: decorator
@inline
function power<T>(p: v128, rounded: v128, normal: bool, tiny: v128): v128 {
  const e = v128.mul<T>(p, sizeof<T>() == 8 ? i64x2.shl(rounded, 52) : i32x4.shl(rounded, 23));
  return normal ? e : v128.mul<T>(e, tiny);
}
