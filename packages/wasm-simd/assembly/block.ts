import { evaluate, leastNormal, reduce } from "./exp";
import { larger, largest, loadSome, smaller, smallest, splat, storeSome } from "./vector";

/** Loops over a contiguous block of a row, small enough to stay in the first-level cache between them. */

/** Entries of a block: 4 KB of float32. Within one, sums are of the lanes' type; across blocks, float64. */
export const BLOCK: usize = 1024;

/** Two blocks of float64. */
export const SCRATCH: usize = 2 * BLOCK * 8;

/** The smallest of the entries that `maximum` saw last. */
let minimum: f64 = 0;

/** The largest of `count` ≥ 1 entries, NaN ignored; −Infinity if there is nothing else. */
export function maximum<T>(x: usize, count: usize): f64 {
  let a = splat<T>(-Infinity);
  let b = a;
  let c = splat<T>(Infinity);
  let d = c;
  const end = x + count * sizeof<T>();
  for (; x + 32 <= end; x += 32) {
    const u = v128.load(x);
    const v = v128.load(x, 16);
    a = larger<T>(a, u);
    b = larger<T>(b, v);
    c = smaller<T>(c, u);
    d = smaller<T>(d, v);
  }
  if (x + 16 <= end) {
    const u = v128.load(x);
    a = larger<T>(a, u);
    c = smaller<T>(c, u);
    x += 16;
  }
  if (x < end) {
    const v = loadSome<T>(x, (end - x) / sizeof<T>(), v128.load_splat<T>(x));
    b = larger<T>(b, v);
    d = smaller<T>(d, v);
  }
  minimum = <f64>v128.extract_lane<T>(smallest<T>(smaller<T>(c, d)), 0);
  return <f64>v128.extract_lane<T>(largest<T>(larger<T>(a, b)), 0);
}

/**
 * Stores exp(x − shift) of the block that `maximum` saw last, and returns their sum. The entry at `omitted` counts as 0, if it is
 * in the block. `scratch` has SCRATCH bytes, and may be where they are stored.
 */
export function exponentials<T>(
  x: usize,
  count: usize,
  omitted: usize,
  out: usize,
  shift: f64,
  scratch: usize,
): f64 {
  if (minimum - shift >= leastNormal<T>()) return sumOfExponentials<T>(x, count, omitted, out, shift, scratch, true);
  return sumOfExponentials<T>(x, count, omitted, out, shift, scratch, false);
}

/** The same for any block. */
// @ts-ignore: decorator
@inline
export function sumOfExponentials<T>(
  x: usize,
  count: usize,
  omitted: usize,
  out: usize,
  shift: f64,
  scratch: usize,
  normal: bool,
): f64 {
  const exponents = scratch + BLOCK * 8;
  reduce<T>(x, count, shift, scratch, exponents, normal);
  // 2^n of it becomes 0.
  if (omitted < count) store<T>(exponents + omitted * sizeof<T>(), 0);
  return evaluate<T>(scratch, exponents, count, out, normal);
}

/** Multiplies `count` entries by a factor, in place. */
export function scale<T>(out: usize, count: usize, factor: f64): void {
  const s = splat<T>(factor);
  const end = out + count * sizeof<T>();
  for (; out + 32 <= end; out += 32) {
    v128.store(out, v128.mul<T>(v128.load(out), s));
    v128.store(out, v128.mul<T>(v128.load(out, 16), s), 16);
  }
  for (; out + 16 <= end; out += 16) v128.store(out, v128.mul<T>(v128.load(out), s));
  if (out < end) {
    const rest = (end - out) / sizeof<T>();
    storeSome<T>(out, rest, v128.mul<T>(loadSome<T>(out, rest, s), s));
  }
}
