import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  FORMAT_IDS,
  FORMATS,
  type FormatId,
  roundToFloat32,
  roundToFormat,
  ulpDistance,
  ulpDistanceFloat32,
  ulpDistanceFloat64,
} from "../src/index.js";

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;

/** The exponent and fraction bits of the half-precision formats. */
const HALVES = [
  ["float16", 5, 10],
  ["bfloat16", 8, 7],
] as const;

/** All finite numbers of a format from 0 on, by the definition of their bit patterns (IEEE 754-2019, section 3.4). */
function magnitudes(exponentBits: number, fractionBits: number): number[] {
  const bias = 2 ** (exponentBits - 1) - 1;
  return Array.from({ length: (2 ** exponentBits - 1) * 2 ** fractionBits }, (_, bits) => {
    const [exponent, fraction] = [Math.floor(bits / 2 ** fractionBits), bits % 2 ** fractionBits];
    const leading = exponent === 0 ? 0 : 1;
    return (leading + fraction / 2 ** fractionBits) * 2 ** (Math.max(exponent, 1) - bias);
  });
}

describe("FORMATS", () => {
  it("has IEEE 754's parameters of binary16, 32 and 64, and bfloat16's", () => {
    expect(FORMATS.float16).toMatchObject({
      largest: 65504,
      smallestNormal: 2 ** -14,
      smallestSubnormal: 2 ** -24,
    });
    expect(FORMATS.bfloat16.largest).toBe(3.3895313892515355e38);
    expect(FORMATS.float32.largest).toBe(3.4028234663852886e38);
    expect(FORMATS.float64).toEqual({
      precision: 53,
      unitRoundoff: Number.EPSILON / 2,
      smallestNormal: 2.2250738585072014e-308,
      smallestSubnormal: Number.MIN_VALUE,
      largest: Number.MAX_VALUE,
    });
  });
});

describe.each(HALVES)("%s", (id, exponentBits, fractionBits) => {
  const format = FORMATS[id];
  const all = magnitudes(exponentBits, fractionBits);

  it("is rounded to its nearest number, ties to even, and lo decides at a tie", () => {
    const tail = format.smallestSubnormal * 2 ** -40;
    for (let i = 0; i + 1 < all.length; i++) {
      const [low, high] = [all[i] as number, all[i + 1] as number];
      const halfway = (low + high) / 2;
      const even = i % 2 === 0 ? low : high;
      const rounded = [
        roundToFormat(low, 0, format),
        roundToFormat(low + (high - low) * 0.49, 0, format),
        roundToFormat(halfway, 0, format),
        roundToFormat(-halfway, 0, format),
        roundToFormat(halfway, tail, format),
        roundToFormat(-halfway, tail, format),
        roundToFormat(halfway, -tail, format),
      ];
      const expected = [low, low, even, -even, high, -low, low];
      if (rounded.some((value, k) => value !== expected[k]))
        expect([i, ...rounded]).toEqual([i, ...expected]);
    }
  });

  it("overflows from half a step beyond its largest number on", () => {
    const half = (format.largest - (all.at(-2) as number)) / 2;
    expect(roundToFormat(format.largest + half * 0.99, 0, format)).toBe(format.largest);
    expect(roundToFormat(-format.largest - half, 0, format)).toBe(-infinity);
  });

  it("is counted in steps, across binades, subnormal numbers and 0", () => {
    const position = fc.nat({ max: all.length - 1 });
    const sign = fc.constantFrom(1, -1);
    fc.assert(
      fc.property(position, sign, position, sign, (i, signOfI, j, signOfJ) => {
        const [a, b] = [signOfI * (all[i] as number), signOfJ * (all[j] as number)];
        expect(ulpDistance(a, b, format)).toBe(Math.abs(signOfI * i - signOfJ * j));
      }),
    );
  });
});

describe("float32 and float64", () => {
  it("are rounded as roundToFloat32 does, and not at all", () => {
    const numbers = fc.oneof(fc.double({ noNaN: true }), fc.float({ noNaN: true }));
    fc.assert(
      fc.property(numbers, fc.constantFrom(-(2 ** -60), 0, 2 ** -60), (hi, tail) => {
        const lo = hi * tail;
        expect(roundToFormat(hi, lo, FORMATS.float32)).toBe(roundToFloat32(hi, lo));
        expect(roundToFormat(hi, lo, FORMATS.float64)).toBe(hi);
      }),
      { numRuns: 1000 },
    );
  });

  it("are counted as bit patterns are", () => {
    const single = fc.float({ noNaN: true });
    fc.assert(
      fc.property(single, single, (a, b) => {
        expect(ulpDistance(a, b, FORMATS.float32)).toBe(ulpDistanceFloat32(a, b));
        expect(ulpDistance(a, b, FORMATS.float64)).toBe(ulpDistanceFloat64(a, b));
      }),
    );
  });
});

it.each<FormatId>(FORMAT_IDS)("NaN and infinities of %s stay, infinitely far from all", (id) => {
  expect(roundToFormat(nan, nan, FORMATS[id])).toBeNaN();
  expect(roundToFormat(-infinity, 0, FORMATS[id])).toBe(-infinity);
  expect(ulpDistance(nan, 1, FORMATS[id])).toBe(infinity);
  expect(ulpDistance(infinity, infinity, FORMATS[id])).toBe(infinity);
});
