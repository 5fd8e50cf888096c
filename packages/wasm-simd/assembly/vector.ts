/** Vectors of 128 bits whose lanes are of type T: four float32 or two float64. */

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

/** The first `count` lanes from memory, which ends there; `fill` in the others. */
export function loadSome<T>(from: usize, count: usize, fill: v128): v128 {
  if (sizeof<T>() == 8) return v128.load64_lane(from, fill, 0);
  let v = fill;
  if (count == 1) return v128.load32_lane(from, v, 0);
  v = v128.load64_lane(from, v, 0);
  return count == 2 ? v : v128.load32_lane(from + 8, v, 2);
}

/** Stores the first `count` lanes and nothing behind them. */
export function storeSome<T>(to: usize, count: usize, v: v128): void {
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
