/** Element types of 16 bits. */
export type HalfDType = "float16" | "bfloat16";

interface HalfFormat {
  /** Bits of the significand, with the leading one. */
  readonly precision: number;
  /** Exponent of the smallest normal number. */
  readonly smallestExponent: number;
  readonly largest: number;
}

export const HALVES: Readonly<Record<HalfDType, HalfFormat>> = {
  float16: { precision: 11, smallestExponent: -14, largest: 65504 },
  bfloat16: { precision: 8, smallestExponent: -126, largest: (2 - 2 ** -7) * 2 ** 127 },
};

/** Rounds to the nearest number of a half-precision type, ties to even; beyond the largest to infinity. */
export function roundToHalf(dtype: HalfDType, value: number): number {
  const { precision, smallestExponent, largest } = HALVES[dtype];
  const magnitude = Math.abs(value);
  // Zero, infinities and NaN are numbers of the type already.
  if (!(magnitude > 0 && magnitude < Number.POSITIVE_INFINITY)) return value;
  if (magnitude > 2 * largest) return Math.sign(value) * Number.POSITIVE_INFINITY;
  const exponent = Math.max(binaryExponent(magnitude), smallestExponent);
  // Numbers of this size are 1 apart in float64, and additions round to the nearest of them.
  const aligner = 2 ** (exponent - precision + 1) * 2 ** 52;
  const nearest = magnitude + aligner - aligner;
  return Math.sign(value) * (nearest > largest ? Number.POSITIVE_INFINITY : nearest);
}

const number = new Float64Array(1);
const words = new DataView(number.buffer);
const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Exponent of the leading bit of a normal float64. */
function binaryExponent(magnitude: number): number {
  number[0] = magnitude;
  return (words.getUint16(LITTLE_ENDIAN ? 6 : 0, LITTLE_ENDIAN) >>> 4) - 1023;
}

/** The bit patterns of numbers of a half-precision type: the runtimes' storage. */
export function toHalfBits(dtype: HalfDType, values: Float32Array): Uint16Array {
  const singles = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bitsOf = dtype === "bfloat16" ? bfloat16Bits : float16Bits;
  const bits = new Uint16Array(values.length);
  for (let index = 0; index < bits.length; index++) bits[index] = bitsOf(singles[index] as number);
  return bits;
}

/** A NaN stays one, also if its first bits alone are those of infinity: the quiet bit is set. */
const isNan = (single: number): boolean => (single & 0x7fffffff) > 0x7f800000;

/** The bits of a bfloat16: the first of a float32. */
const bfloat16Bits = (single: number): number => (single >>> 16) | (isNan(single) ? 0x40 : 0);

/** The bits of a float16 from those of the same number in float32: exponents have 5 bits instead of 8. */
function float16Bits(single: number): number {
  const sign = (single >>> 16) & 0x8000;
  const exponent = (single >>> 23) & 0xff;
  const fraction = (single & 0x7fffff) >>> 13;
  if (exponent === 0xff) return sign | 0x7c00 | fraction | (isNan(single) ? 0x200 : 0);
  if (exponent > 112) return sign | ((exponent - 112) << 10) | fraction;
  // A subnormal number has its leading 1 among the bits of the fraction; below 102 there is only 0.
  return exponent < 103 ? sign : sign | ((0x400 | fraction) >>> (113 - exponent));
}

/** The numbers with given bit patterns. */
export function fromHalfBits(dtype: HalfDType, bits: Uint16Array): Float32Array {
  const numbers = numbersOf(dtype);
  const values = new Float32Array(bits.length);
  // Not Float32Array.from with a function, which takes 50 times as long.
  for (let index = 0; index < values.length; index++) {
    values[index] = numbers[bits[index] as number] as number;
  }
  return values;
}

const tables = new Map<HalfDType, Float32Array>();

/** The number of each bit pattern (IEEE 754-2019, section 3.4). */
function numbersOf(dtype: HalfDType): Float32Array {
  const known = tables.get(dtype);
  if (known) return known;
  const { precision, smallestExponent } = HALVES[dtype];
  const fractions = 2 ** (precision - 1);
  const infinity = 0x8000 - fractions;
  const table = Float32Array.from({ length: 0x10000 }, (_, pattern) => {
    const [sign, magnitude] = [pattern < 0x8000 ? 1 : -1, pattern & 0x7fff];
    const [exponent, fraction] = [Math.floor(magnitude / fractions), magnitude % fractions];
    if (magnitude >= infinity) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
    const significand = (exponent === 0 ? 0 : 1) + fraction / fractions;
    return sign * significand * 2 ** (Math.max(exponent, 1) - 1 + smallestExponent);
  });
  tables.set(dtype, table);
  return table;
}
