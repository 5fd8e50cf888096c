import { ACCUMULATORS, BLOCK } from "./block";
import { LN2_HIGH, LN2_LOW, PER_LN2, constant, evaluate, restOf } from "./exp";
import {
  firstLanes,
  larger,
  largest,
  loadSome,
  plusProduct,
  smaller,
  smallest,
  splat,
  total,
} from "./vector";

/**
 * Exponentials as pairs: exp(x) = m 2^n with an integer n (Dukhan and Ablavatski, "Two-pass softmax algorithms", 2020,
 * arXiv 2001.04438). A block stores m 2^(n − reference), with a reference of its own. So no maximum is subtracted, which rounds at
 * the size of the difference, and most rows need no pass for it. Factors between references are exact.
 *
 * x − n ln 2 is accurate for |n| up to 4096 (512 in float32). A row whose maximum M lies beyond is anchored: M is subtracted from each
 * logit x. That is exact where it matters: exp(x) counts beside exp(M) only if |x − M| < 745 (104) ≤ |M| / 2, and the difference of two
 * numbers within a factor of 2 of each other is a number of the type (Sterbenz 1974).
 */

/** The largest exponent, and the smallest with the opposite sign, of a row's maximum that needs no anchor. */
// @ts-ignore: decorator
@inline
function widest<T>(): f64 {
  return sizeof<T>() == 8 ? 2200 : 320;
}

/** The largest exponent of a block above its reference, where that is chosen: digits are kept down to 2^-186 of the row's maximum. */
const HEADROOM: f64 = 60;
/** A block keeps the reference of the one before where its largest exponent is from here to there above it. */
const LEAST_ABOVE: f64 = -20;
const MOST_ABOVE: f64 = 100;

// @ts-ignore: decorator
@inline
function bias<T>(): f64 {
  return sizeof<T>() == 8 ? 1023.0 : 127.0;
}

// Of the row at hand.
/** The number that is subtracted from each logit: the row's maximum, or 0. */
let anchor: f64 = 0;
/** The largest reference of a block. */
let reference: f64 = 0;
/** Σ exp(x − anchor) 2^−reference, without the label's, in two parts. */
let sum: f64 = 0;
let rest: f64 = 0;
/** The largest exponent. */
let greatest: f64 = 0;
/** The reference of the block at hand. */
let own: f64 = 0;

export function beginRow(anchorOfRow: f64): void {
  anchor = anchorOfRow;
  reference = -Infinity;
  sum = 0;
  rest = 0;
  greatest = -Infinity;
  own = anchor == 0 ? 0 : -HEADROOM;
}

/** True if the row so far can do without an anchor, unless its maximum is too low. */
export function isBelowHighest<T>(): bool {
  return greatest <= widest<T>();
}

/** True if the row needs no anchor. */
export function isInRange<T>(): bool {
  return Math.abs(greatest) <= widest<T>();
}

/** Σ exp(x − anchor) 2^−reference, without the label's. */
export function sumOfPairs(): f64 {
  return sum + rest;
}

/** The part of `quotientBySum`'s last result that a float64 does not hold, relative to it. */
export let restOfQuotient: f64 = 0;

/**
 * numerator / ((Σ exp(x − anchor) 2^−reference + label) divisor). In float64, where each of its roundings would add to the errors of all
 * entries, with a rest.
 */
export function quotientBySum<T>(numerator: f64, label: f64, divisor: f64): f64 {
  const all = sum + label;
  const product = all * divisor;
  const quotient = numerator / product;
  if (sizeof<T>() == 4) return quotient;
  const inverse = quotient * product;
  const ofProduct = roundingOfProduct(all, divisor, product) + (roundingOf(sum, label, all) + rest) * divisor;
  const missing = numerator - inverse - roundingOfProduct(quotient, product, inverse) - quotient * ofProduct;
  const relative = missing / inverse;
  restOfQuotient = isFinite(relative) ? relative : 0;
  return quotient;
}

/** exp(x − anchor) 2^−reference of one logit of the row, in float64. */
export function pairOf(x: f64): f64 {
  const z = x - anchor;
  // Also of −∞, from which nothing can be subtracted.
  if (z < -3000) return 0;
  const n = nearest(z * 1.4426950408889634);
  const r = z - n * 6.93147180369123816490e-1 - n * 1.90821492927058770002e-10;
  return Math.exp(r) * powerOf2(n - reference);
}

/** log Σ exp(x) − x of a logit of the row whose pair is 0: it is far from the largest. */
export function logSumAbove(x: f64): f64 {
  return Math.log(sumOfPairs()) + reference * 0.6931471805599453 + (anchor - x);
}

/** 2^(exponent − reference): the factor of a block with a reference of its own. */
export function factorOfReference(exponent: f64): f64 {
  return powerOf2(exponent - reference);
}

/** 2^n for an integer n ≤ 1023; 0 below −1022. */
// @ts-ignore: decorator
@inline
function powerOf2(n: f64): f64 {
  return reinterpret<f64>((<i64>(max<f64>(n, -1023) + 1023)) << 52);
}

/**
 * Stores exp(x − anchor) 2^−(reference of the block), adds it to the row's sum, and returns that reference. The entry at `omitted`
 * counts as 0, if it is in the block. `scratch` has SCRATCH bytes, and may be where they are stored.
 */
export function pairs<T>(x: usize, count: usize, omitted: usize, out: usize, scratch: usize): f64 {
  const exponents = scratch + BLOCK * 8;
  if (anchor != 0) reduce<T>(x, count, scratch, true);
  else if (!reduceFreely<T>(x, count, scratch)) {
    if (!isBelowHighest<T>()) return 0;
    own = max<f64>(greatest, -widest<T>()) - HEADROOM;
    reduce<T>(x, count, scratch, true);
  }
  // 2^n of it becomes 0.
  if (omitted < count) store<T>(exponents + omitted * sizeof<T>(), 0);
  evaluate<T>(scratch, exponents, count, out, true, 0, false);
  addToRow(sumOf<T>(out, count));
  return own;
}

/** Reduces a block as it is; false if that does not do with the present reference. */
function reduceFreely<T>(x: usize, count: usize, scratch: usize): bool {
  reduce<T>(x, count, scratch, false);
  greatest = max(greatest, greatestOfBlock);
  const above = greatestOfBlock - own;
  return above >= LEAST_ABOVE && above <= MOST_ABOVE && leastOfBlock > own - bias<T>();
}

/** Of the block that was reduced freely last. */
let greatestOfBlock: f64 = 0;
let leastOfBlock: f64 = 0;

/**
 * Stores r and n of `count` logits to `scratch`, and as many more as fill a vector. If it is `bounded`, the anchor is subtracted, and an exponent that
 * is too small becomes the one whose 2^n is 0. If not, there is no anchor, and the block's exponents are noted.
 */
// @ts-ignore: decorator
@inline
function reduce<T>(x: usize, count: usize, scratch: usize, bounded: bool): void {
  let rests = scratch;
  let exponents = scratch + BLOCK * 8;
  const accumulators = scratch + ACCUMULATORS;
  const shift = splat<T>(anchor);
  const least = splat<T>((own - bias<T>()) * 0.6931471805599453);
  const perLn2 = constant<T>(PER_LN2);
  const high = constant<T>(LN2_HIGH);
  const low = constant<T>(LN2_LOW);
  // See ROUND_NORMAL of `exp.ts`.
  const rounding = (sizeof<T>() == 8 ? 6755399441055744.0 : 12582912.0) + bias<T>() - own;
  const round = splat<T>(rounding);
  let a = splat<T>(-Infinity);
  let b = a;
  let c = splat<T>(Infinity);
  let d = c;
  const pair: isize = 32 / sizeof<T>();
  let left = <isize>count;
  for (; left >= pair; left -= pair, x += 32, rests += 32, exponents += 32) {
    const y = shifted<T>(v128.load(x), shift, bounded, least);
    const z = shifted<T>(v128.load(x, 16), shift, bounded, least);
    const u = plusProduct<T>(round, y, perLn2);
    const v = plusProduct<T>(round, z, perLn2);
    v128.store(exponents, v, 16);
    v128.store(exponents, u);
    const r = restOf<T>(y, v128.sub<T>(u, round), high, low);
    v128.store(rests, restOf<T>(z, v128.sub<T>(v, round), high, low), 16);
    v128.store(rests, r);
    if (!bounded) {
      a = larger<T>(a, u);
      b = larger<T>(b, v);
      c = smaller<T>(c, u);
      d = smaller<T>(d, v);
    }
  }
  if (!bounded) {
    v128.store(accumulators, a);
    v128.store(accumulators, b, 16);
    v128.store(accumulators, c, 32);
    v128.store(accumulators, d, 48);
  }
  for (; left > 0; left -= pair / 2, x += 16, rests += 16, exponents += 16) {
    const some = loadSome<T>(x, left, v128.load_splat<T>(x));
    const y = shifted<T>(some, shift, bounded, least);
    const u = plusProduct<T>(round, y, perLn2);
    v128.store(exponents, u);
    v128.store(rests, restOf<T>(y, v128.sub<T>(u, round), high, low));
    if (!bounded) {
      a = larger<T>(a, u);
      c = smaller<T>(c, u);
    }
  }
  if (!bounded) {
    greatestOfBlock = <f64>v128.extract_lane<T>(largest<T>(larger<T>(a, b)), 0) - rounding;
    leastOfBlock = <f64>v128.extract_lane<T>(smallest<T>(smaller<T>(c, d)), 0) - rounding;
  }
}

// @ts-ignore: decorator
@inline
function shifted<T>(x: v128, shift: v128, bounded: bool, least: v128): v128 {
  return bounded ? larger<T>(v128.sub<T>(x, shift), least) : x;
}

/** Adds a block's sum, and `restOfSum`, to the row's. */
function addToRow(ofBlock: f64): void {
  if (own > reference) {
    const factor = powerOf2(reference - own);
    sum *= factor;
    rest *= factor;
    reference = own;
  }
  const factor = powerOf2(own - reference);
  const term = ofBlock * factor;
  const before = sum;
  sum += term;
  rest += roundingOf(before, term, sum) + restOfSum * factor;
}

/** The error of a + b as it was rounded (Knuth 1969). */
// @ts-ignore: decorator
@inline
function roundingOf(a: f64, b: f64, rounded: f64): f64 {
  const part = rounded - a;
  return a - (rounded - part) + (b - part);
}

/** The error of a b as it was rounded (Dekker 1971). */
function roundingOfProduct(a: f64, b: f64, rounded: f64): f64 {
  const p = upperHalf(a);
  const q = upperHalf(b);
  return p * q - rounded + p * (b - q) + (a - p) * q + (a - p) * (b - q);
}

/** The upper 26 bits of a number's significand. */
// @ts-ignore: decorator
@inline
function upperHalf(x: f64): f64 {
  return reinterpret<f64>(reinterpret<i64>(x) & 0xfffffffff8000000);
}

/** The part of the sum that `sumOf` returned last which a float64 does not hold. */
let restOfSum: f64 = 0;

/**
 * The sum of `count` entries. Four vectors are added first, which rounds two or three times. Such sums are added in float64; if they are
 * in float64 themselves, with the roundings kept. So the relative error is 3 roundoffs, whatever the number of entries.
 */
function sumOf<T>(x: usize, count: usize): f64 {
  const end = x + count * sizeof<T>();
  let a = f64x2.splat(0);
  let b = a;
  for (; x < end; x += 64) {
    const t = x + 64 <= end ? sumOfFour<T>(x) : sumOfRest<T>(x, end);
    if (sizeof<T>() == 8) {
      const s = f64x2.add(a, t);
      const part = f64x2.sub(s, a);
      b = f64x2.add(b, f64x2.add(f64x2.sub(a, f64x2.sub(s, part)), f64x2.sub(t, part)));
      a = s;
    } else {
      a = f64x2.add(a, f64x2.promote_low_f32x4(t));
      b = f64x2.add(b, f64x2.promote_low_f32x4(i64x2.shuffle(t, t, 1, 0)));
    }
  }
  const first = f64x2.extract_lane(a, 0);
  const second = f64x2.extract_lane(a, 1);
  const result = first + second;
  restOfSum = roundingOf(first, second, result) + total<f64>(b);
  if (sizeof<T>() == 8) return result;
  const both = result + restOfSum;
  restOfSum = 0;
  return both;
}

// @ts-ignore: decorator
@inline
function sumOfFour<T>(x: usize): v128 {
  return v128.add<T>(
    v128.add<T>(v128.load(x), v128.load(x, 16)),
    v128.add<T>(v128.load(x, 32), v128.load(x, 48)),
  );
}

/** The sum of the vectors from an address to the end, fewer than four, the last of which may lack lanes. */
function sumOfRest<T>(x: usize, end: usize): v128 {
  let sum = splat<T>(0);
  for (; x < end; x += 16) {
    const left = (end - x) / sizeof<T>();
    sum = v128.add<T>(sum, firstLanes<T>(loadSome<T>(x, left, sum), left));
  }
  return sum;
}
