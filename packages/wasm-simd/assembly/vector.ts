/**
 * Vectors of 128 bits whose lanes are of type T: four float32 or two float64.
 *
 * Loops are over pairs of vectors, at +0 and +16. With `--experimental-wasm-revectorize`, V8 makes one operation of 256 bits of two such,
 * if the loads of a pair come before any store, and its stores together. The upper vector is stored first: after the lower one, V8 would
 * store that alone, too, for the case that the upper one is out of bounds. Accumulators become pairs if they are stored after the loop
 * (V8's `wasm-revec-reducer.cc`).
 */

// @ts-ignore: decorator
@inline
export function splat<T>(value: f64): v128 {
  return v128.splat<T>(<T>value);
}

/** a, or b where a < b: keeps a NaN of a, ignores one of b. One instruction, where `max` takes several. */
// @ts-ignore: decorator
@inline
export function larger<T>(a: v128, b: v128): v128 {
  return v128.pmax<T>(a, b);
}

/** b where it is less, else a. */
// @ts-ignore: decorator
@inline
export function smaller<T>(a: v128, b: v128): v128 {
  return v128.pmin<T>(a, b);
}

/** a + b c, with one rounding where the build has relaxed SIMD and the processor such an instruction, else two. */
// @ts-ignore: decorator
@inline
export function plusProduct<T>(a: v128, b: v128, c: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? v128.relaxed_madd<T>(b, c, a) : v128.add<T>(a, v128.mul<T>(b, c));
}

/** a − b c, likewise. */
// @ts-ignore: decorator
@inline
export function minusProduct<T>(a: v128, b: v128, c: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? v128.relaxed_nmadd<T>(b, c, a) : v128.sub<T>(a, v128.mul<T>(b, c));
}

/** The sum of the lanes, in float64. */
// @ts-ignore: decorator
@inline
export function total<T>(v: v128): f64 {
  if (sizeof<T>() == 8) return f64x2.extract_lane(v, 0) + f64x2.extract_lane(v, 1);
  return (
    <f64>f32x4.extract_lane(v, 0) +
    <f64>f32x4.extract_lane(v, 1) +
    (<f64>f32x4.extract_lane(v, 2) + <f64>f32x4.extract_lane(v, 3))
  );
}

/** The largest lane that is not NaN. */
// @ts-ignore: decorator
@inline
export function largest<T>(v: v128): v128 {
  const pairs = larger<T>(v, i64x2.shuffle(v, v, 1, 0));
  return sizeof<T>() == 8 ? pairs : larger<T>(pairs, i32x4.shuffle(pairs, pairs, 1, 0, 3, 2));
}

/** The smallest lane that is not NaN. */
// @ts-ignore: decorator
@inline
export function smallest<T>(v: v128): v128 {
  const pairs = smaller<T>(v, i64x2.shuffle(v, v, 1, 0));
  return sizeof<T>() == 8 ? pairs : smaller<T>(pairs, i32x4.shuffle(pairs, pairs, 1, 0, 3, 2));
}

/** The first `count` > 0 lanes from memory, which ends there; `fill` in the others. */
export function loadSome<T>(from: usize, count: isize, fill: v128): v128 {
  if (count >= 16 / sizeof<T>()) return v128.load(from);
  if (sizeof<T>() == 8) return v128.load64_lane(from, fill, 0);
  let v = fill;
  if (count == 1) return v128.load32_lane(from, v, 0);
  v = v128.load64_lane(from, v, 0);
  return count == 2 ? v : v128.load32_lane(from + 8, v, 2);
}

/** Stores the first `count` > 0 lanes and nothing behind them. */
export function storeSome<T>(to: usize, count: isize, v: v128): void {
  if (count >= 16 / sizeof<T>()) {
    v128.store(to, v);
    return;
  }
  if (sizeof<T>() == 8) {
    v128.store64_lane(to, v, 0);
    return;
  }
  if (count == 1) {
    v128.store32_lane(to, v, 0);
    return;
  }
  v128.store64_lane(to, v, 0);
  if (count == 3) v128.store32_lane(to + 8, v, 2);
}

const MASKS: usize = memory.data<u64>([-1, -1, 0, 0]);

/** The first `count` lanes, 0 in the others. */
export function firstLanes<T>(v: v128, count: isize): v128 {
  return v128.and(v, v128.load(MASKS + 16 - min<isize>(16, count * sizeof<T>())));
}
