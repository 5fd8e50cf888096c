import { HIGH_WORD } from "./bits.js";
import type { NumberFormat } from "./formats.js";

const value = new Float64Array(1);
const words = new Uint32Array(value.buffer);

/** Exponent of the leading bit of a normal float64; -1023 for all smaller ones. */
export function exponentOf(number: number): number {
  value[0] = number;
  return (((words[HIGH_WORD] as number) >>> 20) & 0x7ff) - 1023;
}

/** Distance of neighbouring numbers of `format` at a finite number, a power of two: an ULP. */
export const spacingAt = (number: number, { precision, smallestSubnormal }: NumberFormat): number =>
  Math.max(2 ** (exponentOf(number) - precision + 1), smallestSubnormal);
