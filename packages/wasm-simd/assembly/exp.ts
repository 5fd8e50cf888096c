import { larger } from "./vector";

/**
 * exp(x) of each lane for x ≤ 0: at most 1.5 ULP from exact; NaN for NaN. If `normal` is false, so are subnormal results,
 * and 0 for −Infinity, which takes two more operations; if it is true, x must not be less than `leastNormal`.
 *
 * x = n ln 2 + r with |r| ≤ ln 2 / 2, and exp(x) = 2^n exp(r) (Cody and Waite 1980). exp(r) = 1 + (r + r² Q(r)), so that
 * only the last addition rounds at the size of the result. Q is the minimax polynomial for the relative error of exp(r),
 * by Remez's exchange: 0.05 unit roundoffs for degree 6 in float32, 0.03 for degree 11 in float64.
 */
// @ts-ignore: decorator
@inline
export function exp<T>(x: v128, normal: bool): v128 {
  return sizeof<T>() == 8 ? exp64(x, normal) : exp32(x, normal);
}

/** Down to here, exp(x) is a normal number. */
// @ts-ignore: decorator
@inline
export function leastNormal<T>(): f64 {
  return sizeof<T>() == 8 ? -708 : -87;
}

/**
 * Adding 1.5 · 2^23 rounds to the nearest integer n and leaves it in the low bits, from where a shift makes it an
 * exponent, with the bias of 127. Where results may be subnormal, 32 more keep 2^n normal until the last multiplication,
 * which alone rounds. 2^n multiplies, since adding to the exponent would turn a NaN into a number.
 */
// @ts-ignore: decorator
@inline
const ROUND32: f32 = 12582912 + 127;

// @ts-ignore: decorator
@inline
function exp32(x: v128, normal: bool): v128 {
  const bounded = normal ? x : larger<f32>(x, f32x4.splat(-104));
  const round = f32x4.splat(normal ? ROUND32 : ROUND32 + 32);
  const rounded = f32x4.add(f32x4.mul(bounded, f32x4.splat(1.44269502)), round);
  const n = f32x4.sub(rounded, round);
  // ln 2 in two parts; n times the first is exact.
  const high = f32x4.sub(bounded, f32x4.mul(n, f32x4.splat(0.693359375)));
  const r = f32x4.sub(high, f32x4.mul(n, f32x4.splat(-2.12194442e-4)));
  // Short chains of operations that wait for each other (Estrin 1960): processors look ahead only so far.
  const s = f32x4.mul(r, r);
  const low = f32x4.add(f32x4.mul(r, f32x4.splat(0.166665211)), f32x4.splat(0.49999994));
  const middle = f32x4.add(f32x4.mul(r, f32x4.splat(0.00836871658)), f32x4.splat(0.041668389));
  const upper = f32x4.add(f32x4.mul(s, f32x4.splat(0.00138146081)), middle);
  const q = f32x4.add(f32x4.mul(s, upper), low);
  const p = f32x4.add(f32x4.add(f32x4.mul(s, q), r), f32x4.splat(1));
  const e = f32x4.mul(p, i32x4.shl(rounded, 23));
  return normal ? e : f32x4.mul(e, f32x4.splat(2.3283064365386963e-10));
}

// @ts-ignore: decorator
@inline
const ROUND64: f64 = 6755399441055744 + 1023;

// @ts-ignore: decorator
@inline
function exp64(x: v128, normal: bool): v128 {
  const bounded = normal ? x : larger<f64>(x, f64x2.splat(-746));
  const round = f64x2.splat(normal ? ROUND64 : ROUND64 + 64);
  const rounded = f64x2.add(f64x2.mul(bounded, f64x2.splat(1.4426950408889634)), round);
  const n = f64x2.sub(rounded, round);
  const high = f64x2.sub(bounded, f64x2.mul(n, f64x2.splat(6.93147180369123816490e-1)));
  const r = f64x2.sub(high, f64x2.mul(n, f64x2.splat(1.90821492927058770002e-10)));
  // Even and odd coefficients apart: two chains of half the length.
  const s = f64x2.mul(r, r);
  let even = f64x2.add(f64x2.mul(s, f64x2.splat(2.7630247274859504e-7)), f64x2.splat(2.4801493101955578e-5));
  let odd = f64x2.add(f64x2.mul(s, f64x2.splat(2.50000633795847e-8)), f64x2.splat(2.755758636039974e-6));
  even = f64x2.add(f64x2.mul(s, even), f64x2.splat(0.0013888888943627284));
  odd = f64x2.add(f64x2.mul(s, odd), f64x2.splat(0.00019841269506603288));
  even = f64x2.add(f64x2.mul(s, even), f64x2.splat(0.04166666666653017));
  odd = f64x2.add(f64x2.mul(s, odd), f64x2.splat(0.008333333333494446));
  even = f64x2.add(f64x2.mul(s, even), f64x2.splat(0.5000000000000011));
  odd = f64x2.add(f64x2.mul(s, odd), f64x2.splat(0.16666666666666413));
  const q = f64x2.add(even, f64x2.mul(r, odd));
  const p = f64x2.add(f64x2.add(f64x2.mul(s, q), r), f64x2.splat(1));
  const e = f64x2.mul(p, i64x2.shl(rounded, 52));
  return normal ? e : f64x2.mul(e, f64x2.splat(5.421010862427522e-20));
}
