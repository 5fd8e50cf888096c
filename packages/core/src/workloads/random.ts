import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/**
 * Seeded random numbers that are identical on every machine: integers from xoroshiro128+, then only additions,
 * multiplications, divisions and square roots, whose rounding IEEE 754 defines. `Math.log` is not used: engines differ
 * in its last bit.
 */
export type Source = () => number;

/** 32-bit FNV-1a, which turns a stream's name and seed into a generator seed. */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) state = Math.imul(state ^ byte, 0x01000193);
  return state;
}

/** Uniform in (0, 1), from 32 random bits. Each name and seed has its own stream. */
export function uniformSource(name: string, seed: number): Source {
  const generator = xoroshiro128plus(hash(`${name}/${seed}`));
  return () => ((generator.next() >>> 0) + 0.5) / 2 ** 32;
}

/** Standard normal, by Marsaglia's polar method (Marsaglia & Bray 1964). */
export function normalSource(name: string, seed: number): Source {
  const uniform = uniformSource(name, seed);
  let spare: number | undefined;
  return () => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    for (;;) {
      const a = 2 * uniform() - 1;
      const b = 2 * uniform() - 1;
      const square = a * a + b * b;
      if (square < 1) {
        const factor = Math.sqrt((-2 * portableLog(square)) / square);
        spare = b * factor;
        return a * factor;
      }
    }
  };
}

const { LN2, SQRT2 } = Math;

/**
 * Natural logarithm of x in (0, 1], within a few ulp, by the area tangent: for x = m·2^e with m near 1,
 * ln x = e·ln 2 + 2·artanh((m − 1)/(m + 1)).
 */
export function portableLog(x: number): number {
  let mantissa = x;
  let exponent = 0;
  while (mantissa < SQRT2 / 2) {
    mantissa *= 2;
    exponent--;
  }
  const ratio = (mantissa - 1) / (mantissa + 1);
  const square = ratio * ratio;
  let series = 0;
  for (let power = 21; power >= 1; power -= 2) series = series * square + 1 / power;
  return exponent * LN2 + 2 * ratio * series;
}
