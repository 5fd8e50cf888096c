import type { DoubleDouble } from "./arithmetic.js";
import type { DoubleDoubleArray } from "./array.js";

/**
 * Constants that float64 arithmetic cannot produce to 106 bits, from BigInt integers: a number v is
 * held as floor(v * 2^192).
 */
const FRACTION_BITS = 192;
const ONE = 1n << BigInt(FRACTION_BITS);

/** floor(ln 2 * 2^192). */
const LN2 = 0xb17217f7d1cf79abc9e3b39803f2f6af40f343267298b62dn;

/** floor(sqrt(n)) by Newton's iteration from above. */
function integerSquareRoot(n: bigint): bigint {
  let root = 1n << BigInt(Math.ceil(n.toString(2).length / 2));
  for (;;) {
    const next = (root + n / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

/** The double-double nearest to a fixed-point value: Number(bigint) rounds to nearest. */
function toDoubleDouble(fixed: bigint): DoubleDouble {
  const hi = Number(fixed);
  const lo = Number(fixed - BigInt(hi));
  return { hi: hi / 2 ** FRACTION_BITS, lo: lo / 2 ** FRACTION_BITS };
}

/** Entries 2^(i / 2^`halvings`) for 0 <= i < `length`, by repeated square roots of 2. */
export function powersOfRootOfTwo(halvings: number, length: number): DoubleDoubleArray {
  let root = 2n * ONE;
  for (let i = 0; i < halvings; i++) root = integerSquareRoot(root * ONE);

  const table = { hi: new Float64Array(length), lo: new Float64Array(length) };
  let power = ONE;
  for (let i = 0; i < length; i++) {
    const { hi, lo } = toDoubleDouble(power);
    table.hi[i] = hi;
    table.lo[i] = lo;
    power = (power * root) / ONE;
  }
  return table;
}

/**
 * ln 2 / 2^`exponent` as a sum of four float64, largest first. The first three hold 26 bits each, so that
 * their products with an integer of up to 27 bits are exact; the last is the rest, rounded to 53 bits.
 */
export function ln2OverPowerOfTwo(exponent: number): readonly [number, number, number, number] {
  const part = (from: number, count: number): number => {
    const bits = (LN2 >> BigInt(FRACTION_BITS - from - count)) & ((1n << BigInt(count)) - 1n);
    return Number(bits) * 2 ** -(from + count + exponent);
  };
  return [part(0, 26), part(26, 26), part(52, 26), part(78, FRACTION_BITS - 78)];
}
