/** A binary floating-point format (IEEE 754-2019, section 3.3), for rounding and for counting its numbers. */
export interface NumberFormat {
  /** Bits of the significand, including the leading one. */
  readonly precision: number;
  /** Largest relative error of rounding to nearest: 2^-precision. */
  readonly unitRoundoff: number;
  /** The smallest number with all significant bits. */
  readonly smallestNormal: number;
  /** The smallest number above 0. */
  readonly smallestSubnormal: number;
  /** The largest finite number. */
  readonly largest: number;
}

/** The formats that gradients are judged in; bfloat16 is a float32 without its last 16 bits. */
export type FormatId = "float16" | "bfloat16" | "float32" | "float64";

/** @param smallestExponent exponent of the smallest normal number; that of the largest is 1 - smallestExponent */
const makeFormat = (precision: number, smallestExponent: number): NumberFormat => ({
  precision,
  unitRoundoff: 2 ** -precision,
  smallestNormal: 2 ** smallestExponent,
  smallestSubnormal: 2 ** (smallestExponent - precision + 1),
  largest: (2 - 2 ** (1 - precision)) * 2 ** (1 - smallestExponent),
});

export const FORMATS: Readonly<Record<FormatId, NumberFormat>> = {
  float16: makeFormat(11, -14),
  bfloat16: makeFormat(8, -126),
  float32: makeFormat(24, -126),
  float64: makeFormat(53, -1022),
};

export const FORMAT_IDS = Object.keys(FORMATS) as readonly FormatId[];
