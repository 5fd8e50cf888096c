import type { DoubleDoubleArray } from "./double-double/array.js";
import type { FloatArray } from "./float-array.js";
import { FORMATS, type FormatId, type NumberFormat } from "./formats.js";
import { spacingAt } from "./spacing.js";

/**
 * The float32 nearest to hi + lo, ties to even, for |lo| <= ulp(hi) / 2 and results that do not overflow.
 *
 * Rounding hi alone fails only if hi lies exactly halfway between two float32, because every such midpoint is a
 * float64: a sum on the other side of one would have another hi. Then lo decides.
 */
export function roundToFloat32(hi: number, lo: number): number {
  const nearest = Math.fround(hi);
  const rest = hi - nearest;
  const opposite = nearest + 2 * rest;
  const halfway = rest !== 0 && Math.fround(opposite) === opposite;
  return halfway && lo !== 0 && lo > 0 === rest > 0 ? opposite : nearest;
}

/** Every entry of `exact` rounded to the nearest number of a format, ties to even; half precision in a Float32Array. */
export function roundReference(exact: DoubleDoubleArray, id: Exclude<FormatId, "float64">): Float32Array;
export function roundReference(exact: DoubleDoubleArray, id: "float64"): Float64Array;
export function roundReference(exact: DoubleDoubleArray, id: FormatId): FloatArray;
export function roundReference({ hi, lo }: DoubleDoubleArray, id: FormatId): FloatArray {
  // |lo| <= ulp(hi) / 2 makes hi the float64 nearest to hi + lo.
  if (id === "float64") return hi.slice();
  const format = FORMATS[id];
  const round =
    format === FORMATS.float32
      ? roundToFloat32
      : (high: number, low: number) => roundToFormat(high, low, format);
  const rounded = new Float32Array(hi.length);
  for (let i = 0; i < hi.length; i++) rounded[i] = round(hi[i] as number, lo[i] as number);
  return rounded;
}

/**
 * The number of `format` nearest to hi + lo, ties to even, for |lo| <= ulp(hi) / 2; Infinity beyond the largest.
 *
 * For formats of less than 53 bits, lo matters only in a tie of hi, as in {@link roundToFloat32}.
 */
export function roundToFormat(hi: number, lo: number, format: NumberFormat): number {
  if (format === FORMATS.float64 || !Number.isFinite(hi)) return hi;
  const spacing = spacingAt(hi, format);
  const sign = hi < 0 || Object.is(hi, -0) ? -1 : 1;
  const magnitude = Math.abs(hi);
  // Both are exact: the spacing is a power of two.
  const below = Math.floor(magnitude / spacing);
  const rest = magnitude / spacing - below;
  const tieUp = lo === 0 ? below % 2 !== 0 : sign * lo > 0;
  const rounded = (rest > 0.5 || (rest === 0.5 && tieUp) ? below + 1 : below) * spacing;
  return sign * (rounded > format.largest ? Number.POSITIVE_INFINITY : rounded);
}
