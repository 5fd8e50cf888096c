import { float32Bits, float64Words, HIGH_WORD, LOW_WORD } from "../bits.js";
import { type FloatArray, formatOf, requireSameType } from "../float-array.js";
import { FORMATS, type FormatId, type NumberFormat } from "../formats.js";
import { binaryExponent, spacingAt } from "../spacing.js";
import { QuantileHistogram } from "./quantile-histogram.js";

const MAGNITUDE = 0x7fffffff;
const FLOAT32_INFINITY = 0x7f800000;
const FLOAT64_INFINITY_HIGH = 0x7ff00000;

// Without its sign bit, a float's bit pattern counts the representable magnitudes below it, across
// binades and subnormals alike. With the sign put back, the difference of two counts is their distance.

function distanceOfFloat32Bits(a: number, b: number): number {
  const magnitudeA = a & MAGNITUDE;
  const magnitudeB = b & MAGNITUDE;
  if (magnitudeA >= FLOAT32_INFINITY || magnitudeB >= FLOAT32_INFINITY) return Number.POSITIVE_INFINITY;
  return Math.abs((a < 0 ? -magnitudeA : magnitudeA) - (b < 0 ? -magnitudeB : magnitudeB));
}

function distanceOfFloat64Words(aHigh: number, aLow: number, bHigh: number, bLow: number): number {
  const magnitudeA = aHigh & MAGNITUDE;
  const magnitudeB = bHigh & MAGNITUDE;
  if (magnitudeA >= FLOAT64_INFINITY_HIGH || magnitudeB >= FLOAT64_INFINITY_HIGH) {
    return Number.POSITIVE_INFINITY;
  }
  const signA = aHigh > MAGNITUDE ? -1 : 1;
  const signB = bHigh > MAGNITUDE ? -1 : 1;
  // Both differences and the product are exact; only the last addition rounds.
  const high = signA * magnitudeA - signB * magnitudeB;
  const low = signA * aLow - signB * bLow;
  return Math.abs(high * 2 ** 32 + low);
}

/**
 * Number of float32 steps from a to b, exactly; both must be float32 values. The two zeros are one value.
 * Infinity if either is NaN or infinite: no count of steps describes such an error.
 */
export function ulpDistanceFloat32(a: number, b: number): number {
  const bits = float32Bits(Float32Array.of(a, b));
  return distanceOfFloat32Bits(bits[0] as number, bits[1] as number);
}

/**
 * Number of float64 steps from a to b; above 2^53, the float64 nearest to that number. The two zeros are
 * one value. Infinity if either is NaN or infinite.
 */
export function ulpDistanceFloat64(a: number, b: number): number {
  const words = float64Words(Float64Array.of(a, b));
  return distanceOfFloat64Words(
    words[HIGH_WORD] as number,
    words[LOW_WORD] as number,
    words[2 + HIGH_WORD] as number,
    words[2 + LOW_WORD] as number,
  );
}

/**
 * Number of steps from a to b in any format; both must be numbers of it. The two zeros are one value. Infinity if either
 * is NaN or infinite.
 */
export function ulpDistance(a: number, b: number, format: NumberFormat): number {
  if (format === FORMATS.float64) return ulpDistanceFloat64(a, b);
  if (!Number.isFinite(a) || !Number.isFinite(b)) return Number.POSITIVE_INFINITY;
  return Math.abs(stepsFromZero(a, format) - stepsFromZero(b, format));
}

/** Signed number of steps from 0, for a format of less than 53 bits. */
function stepsFromZero(value: number, format: NumberFormat): number {
  const { precision, smallestNormal } = format;
  const magnitude = Math.abs(value);
  const binades = magnitude < smallestNormal ? 0 : binaryExponent(magnitude) - binaryExponent(smallestNormal);
  // Each binade has as many numbers as the subnormal ones and 0 together.
  const steps = magnitude / spacingAt(magnitude, format) + binades * 2 ** (precision - 1);
  return Math.sign(value) * steps;
}

/** The distances of the entries of one array from those of another, in units in the last place. */
export interface UlpDistribution {
  /** Largest distance, exactly. */
  readonly max: number;
  /** Nearest-rank 99th percentile: exact below 1024, above that rounded up by less than 1/128. */
  readonly p99: number;
  /** Nearest-rank median, with the resolution of `p99`. */
  readonly median: number;
  /** Share of entries at distance 0, between 0 and 1. */
  readonly correctlyRounded: number;
}

/**
 * The ULP distances of `computed` from the correctly rounded `exactRounded`, entry by entry. An entry
 * that is NaN or infinite on either side has distance Infinity.
 *
 * @param id the format of the entries; by default that of the arrays
 * @throws RangeError unless the arrays have the same type and the same, non-zero length.
 */
export function ulpDistribution(
  computed: FloatArray,
  exactRounded: FloatArray,
  id: FormatId = formatOf(computed),
): UlpDistribution {
  const distances = new QuantileHistogram();
  requireSameType(computed, exactRounded);
  if (formatOf(computed) !== id) {
    collect(computed, exactRounded, FORMATS[id], distances);
  } else if (computed instanceof Float32Array && exactRounded instanceof Float32Array) {
    collectFloat32(float32Bits(computed), float32Bits(exactRounded), distances);
  } else if (computed instanceof Float64Array && exactRounded instanceof Float64Array) {
    collectFloat64(float64Words(computed), float64Words(exactRounded), distances);
  }
  return {
    max: distances.max,
    p99: distances.quantile(0.99),
    median: distances.quantile(0.5),
    correctlyRounded: distances.shareOfZeros,
  };
}

/** Nearly all distances are small and are counted here; the histogram receives the others, and the counts. */
const SMALL = 1024;

function collect(a: FloatArray, b: FloatArray, format: NumberFormat, distances: QuantileHistogram): void {
  const counts = new Int32Array(SMALL);
  for (let i = 0; i < a.length; i++) {
    const distance = ulpDistance(a[i] as number, b[i] as number, format);
    if (distance < SMALL) counts[distance] = (counts[distance] as number) + 1;
    else distances.add(distance);
  }
  for (let distance = 0; distance < SMALL; distance++) distances.add(distance, counts[distance]);
}

const isFiniteFloat32 = (bits: number): boolean => (bits & FLOAT32_INFINITY) !== FLOAT32_INFINITY;

function collectFloat32(a: Int32Array, b: Int32Array, distances: QuantileHistogram): void {
  const counts = new Int32Array(SMALL);
  for (let i = 0; i < a.length; i++) {
    const aBits = a[i] as number;
    const bBits = b[i] as number;
    // Nearly all entries agree in sign, and are finite.
    const plain = (aBits ^ bBits) >= 0 && isFiniteFloat32(aBits) && isFiniteFloat32(bBits);
    const distance = plain ? Math.abs(aBits - bBits) : distanceOfFloat32Bits(aBits, bBits);
    if (distance < SMALL) counts[distance] = (counts[distance] as number) + 1;
    else distances.add(distance);
  }
  for (let distance = 0; distance < SMALL; distance++) distances.add(distance, counts[distance]);
}

function collectFloat64(a: Uint32Array, b: Uint32Array, distances: QuantileHistogram): void {
  const counts = new Int32Array(SMALL);
  for (let i = 0; i < a.length; i += 2) {
    const aHigh = a[i + HIGH_WORD] as number;
    const bHigh = b[i + HIGH_WORD] as number;
    const aLow = a[i + LOW_WORD] as number;
    const bLow = b[i + LOW_WORD] as number;
    // Nearly all entries agree in sign, exponent and leading digits.
    const close = aHigh === bHigh && (aHigh & FLOAT64_INFINITY_HIGH) !== FLOAT64_INFINITY_HIGH;
    const distance = close ? Math.abs(aLow - bLow) : distanceOfFloat64Words(aHigh, aLow, bHigh, bLow);
    if (distance < SMALL) counts[distance] = (counts[distance] as number) + 1;
    else distances.add(distance);
  }
  for (let distance = 0; distance < SMALL; distance++) distances.add(distance, counts[distance]);
}
