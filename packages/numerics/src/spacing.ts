import { HIGH_WORD, LOW_WORD } from "./bits.js";
import type { NumberFormat } from "./formats.js";

const value = new Float64Array(1);
const words = new Uint32Array(value.buffer);

/** Exponent of the leading bit of a normal float64; -1023 for all smaller ones. */
export function binaryExponent(number: number): number {
  value[0] = number;
  return (((words[HIGH_WORD] as number) >>> 20) & 0x7ff) - 1023;
}

/** 2^exponent, for the exponents of normal numbers. Every entry needs it, and the operator `**` is slow. */
function powerOfTwo(exponent: number): number {
  words[HIGH_WORD] = (exponent + 1023) << 20;
  words[LOW_WORD] = 0;
  return value[0] as number;
}

/** Distance of neighbouring numbers at a finite number of a format of less than 53 bits, a power of two: an ULP. */
export function spacingAt(
  number: number,
  { smallestNormal, smallestSubnormal, precision }: NumberFormat,
): number {
  if (Math.abs(number) < smallestNormal) return smallestSubnormal;
  return powerOfTwo(binaryExponent(number) - precision + 1);
}
