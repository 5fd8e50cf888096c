import { evaluate, leastNormal, reduce } from "./exp";
import { isHalf, loadVector, vectorSize, widen } from "./storage";
import { larger, largest, loadSome, plusProduct, smaller, smallest, splat, storeSome } from "./vector";

/** Loops over a contiguous block of a row, small enough to stay in the first-level cache between them. */

/** Entries of a block: 4 KB of float32. Within one, sums are of the lanes' type; across blocks, float64. */
export const BLOCK: usize = 1024;

/** Two blocks of float64, and behind them the accumulators of a loop. */
export const ACCUMULATORS: usize = 2 * BLOCK * 8;
export const SCRATCH: usize = ACCUMULATORS + 64;

/**
 * Entries of float64 that are reduced and evaluated at a time: r and n of a whole block, beside its logits and exponentials, would fill a
 * first-level cache of 32 KB.
 */
const PART: usize = 256;

/** The smallest of the entries that `maximum` saw last. */
export let minimum: f64 = 0;

/**
 * The largest of `count` ≥ 1 entries, NaN ignored; −Infinity if there is nothing else. Those in half precision are also stored to
 * `widened`. `scratch` has SCRATCH bytes.
 */
export function maximum<T, S>(x: usize, count: usize, widened: usize, scratch: usize): f64 {
  let a = splat<T>(-Infinity);
  let b = a;
  let c = splat<T>(Infinity);
  let d = c;
  const step = vectorSize<S>();
  const end = x + count * sizeof<S>();
  for (; x + 2 * step <= end; x += 2 * step, widened += 32) {
    const u = loadVector<S>(x, false);
    const v = loadVector<S>(x, true);
    if (isHalf<S>()) {
      v128.store(widened, v, 16);
      v128.store(widened, u);
    }
    a = larger<T>(a, u);
    b = larger<T>(b, v);
    c = smaller<T>(c, u);
    d = smaller<T>(d, v);
  }
  const accumulators = scratch + ACCUMULATORS;
  v128.store(accumulators, a);
  v128.store(accumulators, b, 16);
  v128.store(accumulators, c, 32);
  v128.store(accumulators, d, 48);
  if (x + step <= end) {
    const u = loadVector<S>(x, false);
    if (isHalf<S>()) v128.store(widened, u);
    a = larger<T>(a, u);
    c = smaller<T>(c, u);
    x += step;
    widened += 16;
  }
  if (x < end) {
    const rest = (end - x) / sizeof<S>();
    const last = widen<S>(x, rest, widened);
    const v = loadSome<T>(last, rest, v128.load_splat<T>(last));
    b = larger<T>(b, v);
    d = smaller<T>(d, v);
  }
  minimum = <f64>v128.extract_lane<T>(smallest<T>(smaller<T>(c, d)), 0);
  return <f64>v128.extract_lane<T>(largest<T>(larger<T>(a, b)), 0);
}

/**
 * Stores exp(x − shift) of a block whose smallest entry is `least`, and returns their sum. The entry at `omitted` counts as 0, if it is
 * in the block. `scratch` has SCRATCH bytes, and may be where they are stored.
 */
export function exponentials<T>(
  x: usize,
  count: usize,
  omitted: usize,
  out: usize,
  shift: f64,
  least: f64,
  scratch: usize,
): f64 {
  if (least - shift >= leastNormal<T>()) return sumOfExponentials<T>(x, count, omitted, out, shift, scratch, true);
  return sumOfExponentials<T>(x, count, omitted, out, shift, scratch, false);
}

// @ts-ignore: decorator
@inline
function sumOfExponentials<T>(
  x: usize,
  count: usize,
  omitted: usize,
  out: usize,
  shift: f64,
  scratch: usize,
  normal: bool,
): f64 {
  const sums = scratch + ACCUMULATORS;
  if (sizeof<T>() == 4) return sumOfPart<T>(x, count, omitted, out, shift, scratch, normal, sums, false);
  v128.store(sums, splat<T>(0));
  v128.store(sums, splat<T>(0), 16);
  let result: f64 = 0;
  do {
    const length = min(PART, count);
    result = sumOfPart<T>(x, length, omitted, out, shift, scratch, normal, sums, true);
    x += length * sizeof<T>();
    out += length * sizeof<T>();
    // Where the label is before the next part, the difference is no less than the length, modulo 2^32.
    omitted -= length;
    count -= length;
  } while (count > 0);
  return result;
}

/** The same for as many entries as `scratch` has room for; if `continued`, the sum goes on from the part before. */
// @ts-ignore: decorator
@inline
function sumOfPart<T>(
  x: usize,
  count: usize,
  omitted: usize,
  out: usize,
  shift: f64,
  scratch: usize,
  normal: bool,
  sums: usize,
  continued: bool,
): f64 {
  const exponents = scratch + (sizeof<T>() == 8 ? PART : BLOCK) * sizeof<T>();
  reduce<T>(x, count, shift, scratch, exponents, normal);
  // 2^n of it becomes 0.
  if (omitted < count) store<T>(exponents + omitted * sizeof<T>(), 0);
  return evaluate<T>(scratch, exponents, count, out, normal, sums, true, continued);
}

/** Multiplies `count` entries by a factor, in place. */
export function scale<T>(out: usize, count: usize, factor: f64): void {
  multiply<T>(out, count, factor, 0, false);
}

/** Multiplies `count` entries by the sum of a factor and a small rest, in place. */
export function scaleByBoth<T>(out: usize, count: usize, factor: f64, rest: f64): void {
  multiply<T>(out, count, factor, rest, true);
}

/**
 * The factor of a block, which is scaled already as far as is needed for the rest to be a normal number: a subnormal one lacks digits.
 * Below that range by 2^128, the products are 0.
 */
export function normalFactor<T>(values: usize, count: usize, factor: f64): f64 {
  const least = sizeof<T>() == 8 ? 2.2250738585072014e-308 : 1.1754943508222875e-38;
  let result = factor;
  while (Math.abs(result) < least && Math.abs(result) > least * 2.938735877055719e-39) {
    scale<T>(values, count, 5.421010862427522e-20);
    result *= 18446744073709551616.0;
  }
  return result;
}

/** factor · exp(shift − maximum): for exponentials relative to a shift, and a factor for those relative to the maximum. */
export function factorBelow(factor: f64, shift: f64, maximumOfRow: f64): f64 {
  return shift == maximumOfRow && shift != -Infinity ? factor : factor * Math.exp(shift - maximumOfRow);
}

// @ts-ignore: decorator
@inline
function multiply<T>(out: usize, count: usize, factor: f64, rest: f64, both: bool): void {
  const s = splat<T>(factor);
  const t = splat<T>(rest);
  const end = out + count * sizeof<T>();
  for (; out + 32 <= end; out += 32) {
    const u = v128.load(out);
    const v = v128.load(out, 16);
    const p = product<T>(u, s, t, both);
    v128.store(out, product<T>(v, s, t, both), 16);
    v128.store(out, p);
  }
  for (; out + 16 <= end; out += 16) v128.store(out, product<T>(v128.load(out), s, t, both));
  if (out < end) {
    const left = (end - out) / sizeof<T>();
    storeSome<T>(out, left, product<T>(loadSome<T>(out, left, s), s, t, both));
  }
}

// @ts-ignore: decorator
@inline
function product<T>(x: v128, factor: v128, rest: v128, both: bool): v128 {
  return both ? plusProduct<T>(v128.mul<T>(x, rest), x, factor) : v128.mul<T>(x, factor);
}
