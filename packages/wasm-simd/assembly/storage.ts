/**
 * Storage of matrices. float32 and float64 are stored as they are computed with. Half precision is computed with as float32: logits and
 * probabilities are widened a block at a time, and a row of the gradient is rounded when it is complete. WebAssembly has no
 * instructions for that.
 */

/** The bits of numbers in half precision. The kernel's templates tell the two formats apart by the sign. */
export type BFloat16 = u16;
export type Float16 = i16;

// @ts-ignore: decorator
@inline
export function isHalf<S>(): bool {
  return sizeof<S>() == 2;
}

/** The bytes from which a vector is loaded. */
// @ts-ignore: decorator
@inline
export function vectorSize<S>(): usize {
  return isHalf<S>() ? 8 : 16;
}

/** The vector at an address, or the one behind it, as it is computed with. */
// @ts-ignore: decorator
@inline
export function loadVector<S>(from: usize, next: bool): v128 {
  if (!isHalf<S>()) return next ? v128.load(from, 16) : v128.load(from);
  if (isSigned<S>()) return toFloat32<S>(next ? v128.load16x4_s(from, 8) : v128.load16x4_s(from));
  return toFloat32<S>(next ? v128.load16x4_u(from, 8) : v128.load16x4_u(from));
}

/** The address of numbers as they are computed with: their own, or `widened`, where those in half precision are stored as float32. */
export function widen<S>(from: usize, count: usize, widened: usize): usize {
  if (!isHalf<S>()) return from;
  const end = widened + count * 4;
  let to = widened;
  for (; to + 32 <= end; from += 16, to += 32) {
    const u = loadVector<S>(from, false);
    v128.store(to, loadVector<S>(from, true), 16);
    v128.store(to, u);
  }
  for (; to < end; from += 2, to += 4) store<f32>(to, <f32>loadOne<S>(from));
  return widened;
}

// @ts-ignore: decorator
@inline
export function loadOne<S>(from: usize): f64 {
  if (!isHalf<S>()) return <f64>load<S>(from);
  return <f64>f32x4.extract_lane(toFloat32<S>(i32x4.splat(<i32>load<S>(from))), 0);
}

/** Rounds float32 to half precision. */
export function narrow<S>(from: usize, count: usize, to: usize): void {
  const end = from + count * 4;
  for (; from + 32 <= end; from += 32, to += 16) {
    v128.store(to, narrowed<S>(v128.load(from), v128.load(from, 16)));
  }
  for (; from < end; from += 4, to += 2) {
    const v = v128.load32_splat(from);
    v128.store16_lane(to, narrowed<S>(v, v), 0);
  }
}

/** The bits of eight float32 in half precision. NaN is all ones. */
// @ts-ignore: decorator
@inline
function narrowed<S>(a: v128, b: v128): v128 {
  return i16x8.narrow_i32x4_u(toHalf<S>(a), toHalf<S>(b));
}

/** The float32 of bits that are extended as those of S are. */
// @ts-ignore: decorator
@inline
function toFloat32<S>(bits: v128): v128 {
  return isSigned<S>() ? float16ToFloat32(bits) : i32x4.shl(bits, 16);
}

/** The bits of float32, rounded to nearest, ties to even. Those of NaN become all ones when lanes are limited to 16 bits. */
// @ts-ignore: decorator
@inline
function toHalf<S>(v: v128): v128 {
  return isSigned<S>() ? float32ToFloat16(v) : float32ToBFloat16(v);
}

/** Exponents are 112 less in float16 than in float32. */
const REBIAS = 112 << 23;

/** Constants, in memory, since V8 13 (Node 24) rebuilds those in the code for every vector: float16 took twice as long. */
const CONSTANTS: usize = memory.data<i32>([
  0x80000000, 0x0fffe000, REBIAS, REBIAS + (1 << 23), 31 << 23, 0x7f800000,
  1, 0x7fff, 0xfff - REBIAS, 1 << 10, 0x3f000000, 0x47800000,
]);
const SIGN: usize = 0;
/** Of a float16, at the place of float32's: its magnitude, what its exponent lacks, the least normal number, infinity. */
const MAGNITUDE: usize = 1;
const LACKING: usize = 2;
const LEAST_NORMAL: usize = 3;
const UNBIASED_INFINITY: usize = 4;
const INFINITY_BITS: usize = 5;
/** Rounding adds one less than half of the last place that is kept, and one if that is odd. For float16, less the bias. */
const ONE: usize = 6;
const BELOW_HALF: usize = 7;
const BELOW_HALF_REBIASED: usize = 8;
/** Of a float16: the bits of the least normal number. */
const LEAST_NORMAL_BITS: usize = 9;
/** The float32 0.5, in which 2^-24 is the last place, and 2^16, from where on all is infinite in float16. */
const HALF: usize = 10;
const OVERFLOW: usize = 11;

// @ts-ignore: decorator
@inline
function constant(index: usize): v128 {
  return v128.load32_splat(CONSTANTS + index * 4);
}

/**
 * A subnormal number is fraction · 2^-24, which is 2^-14 (1 + fraction · 2^-10) − 2^-14. That is less than what a normal number with these
 * bits would be; computed for a normal number, it is no less. To multiply by 2^112 instead takes fewer operations, but processors are slow
 * at the subnormal float32 that it would be of.
 */
// @ts-ignore: decorator
@inline
function float16ToFloat32(bits: v128): v128 {
  const magnitude = v128.and(i32x4.shl(bits, 13), constant(MAGNITUDE));
  const least = constant(LEAST_NORMAL);
  const normal = i32x4.add(magnitude, constant(LACKING));
  const subnormal = f32x4.sub(i32x4.add(magnitude, least), least);
  const finite = f32x4.pmin(normal, subnormal);
  const isFinite = i32x4.gt_s(constant(UNBIASED_INFINITY), magnitude);
  const infinity = v128.andnot(constant(INFINITY_BITS), isFinite);
  return v128.or(v128.or(finite, infinity), v128.and(bits, constant(SIGN)));
}

/**
 * Adding 0.5 leaves the multiple of 2^-24 in the low bits, which are the bits of a subnormal number, and more than what a normal one's would
 * be. Limited to those of the least normal number, they are no more than a normal number's own.
 */
// @ts-ignore: decorator
@inline
function float32ToFloat16(v: v128): v128 {
  const sign = v128.and(v, constant(SIGN));
  // Keeps NaN, whose bits are beyond infinity's, and then beyond 16 bits.
  const magnitude = f32x4.pmin(v128.xor(v, sign), constant(OVERFLOW));
  const half = constant(HALF);
  const odd = v128.and(i32x4.shr_u(magnitude, 13), constant(ONE));
  const normal = i32x4.shr_s(i32x4.add(magnitude, i32x4.add(odd, constant(BELOW_HALF_REBIASED))), 13);
  const subnormal = i32x4.sub(f32x4.add(magnitude, half), half);
  const rounded = i32x4.max_s(normal, i32x4.min_s(subnormal, constant(LEAST_NORMAL_BITS)));
  return v128.or(rounded, i32x4.shr_u(sign, 16));
}

// @ts-ignore: decorator
@inline
function float32ToBFloat16(v: v128): v128 {
  const odd = v128.and(i32x4.shr_u(v, 16), constant(ONE));
  const rounded = i32x4.add(v, i32x4.add(odd, constant(BELOW_HALF)));
  const isNaN = f32x4.ne(v, v);
  return i32x4.shr_u(v128.or(rounded, isNaN), 16);
}
