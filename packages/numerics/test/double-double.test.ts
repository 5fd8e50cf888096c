import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exponentiate } from "../src/double-double/exp.js";
import { ln2OverPowerOfTwo, powersOfRootOfTwo } from "../src/double-double/fixed-point.js";
import { add, type DoubleDouble, divide, exp, fromNumber, log, log1p, multiply } from "../src/index.js";
import { Decimal60, decimalOf, exact, expectWithin } from "./support/decimal.js";

const SEED = 20170;

/** A double-double of the given magnitude, with a full low half. */
const doubleDouble = (min: number, max: number): fc.Arbitrary<DoubleDouble> =>
  fc
    .tuple(fc.double({ min, max, noNaN: true }), fc.double({ min: -1, max: 1, noNaN: true }))
    .map(([hi, tail]) => ({ hi, lo: hi * tail * 2 ** -54 }));

const positive = doubleDouble(2 ** -100, 2 ** 100);
const signed = fc.tuple(positive, fc.boolean()).map(([a, minus]) => (minus ? { hi: -a.hi, lo: -a.lo } : a));

describe("double-double arithmetic, against decimal.js", () => {
  it("adds within 3 * 2^-106, also where the operands cancel", () => {
    fc.assert(
      fc.property(signed, signed, (a, b) => expectWithin(-104, add(a, b), decimalOf(a).plus(decimalOf(b)))),
      { seed: SEED },
    );
  });

  it("multiplies within 7 * 2^-106", () => {
    fc.assert(
      fc.property(signed, signed, (a, b) =>
        expectWithin(-103, multiply(a, b), decimalOf(a).mul(decimalOf(b))),
      ),
      { seed: SEED },
    );
  });

  it("divides within 15 * 2^-106", () => {
    fc.assert(
      fc.property(signed, signed, (a, b) => expectWithin(-102, divide(a, b), decimalOf(a).div(decimalOf(b)))),
      { seed: SEED },
    );
  });
});

describe("constants", () => {
  it("holds ln 2 / 2^16 to more than 120 bits, its first three parts with 26 bits each", () => {
    const parts = ln2OverPowerOfTwo(16);
    const sum = parts.reduce((total, part) => total.plus(exact(part)), new Decimal60(0));
    const expected = Decimal60.ln(2).div(65536);
    expect(sum.minus(expected).abs().div(expected).lt(new Decimal60(2).pow(-120))).toBe(true);
    parts.slice(0, 3).forEach((part, i) => {
      const units = part * 2 ** (16 + 26 * (i + 1));
      expect(Number.isInteger(units) && units < 2 ** 26).toBe(true);
    });
  });

  it("holds the roots of two correctly rounded to a double-double", () => {
    const table = powersOfRootOfTwo(8, 256);
    for (const i of [0, 1, 2, 100, 128, 255]) {
      const entry = { hi: table.hi[i] as number, lo: table.lo[i] as number };
      expectWithin(-106, entry, new Decimal60(2).pow(new Decimal60(i).div(256)));
    }
  });
});

describe("exp", () => {
  it("errs by less than 2^-101 relative, plus underflow, on [-745, 0]", () => {
    fc.assert(
      fc.property(doubleDouble(2 ** -60, 745), ({ hi, lo }) => {
        const x = { hi: -hi, lo: -lo };
        expectWithin(-101, exp(x), decimalOf(x).exp());
      }),
      { seed: SEED, numRuns: 1000 },
    );
  });

  it("keeps that accuracy down to e^-745 while scaled by 2^512", () => {
    for (const x of [-600.3, -690.775, -708.4, -720.01, -744.9]) {
      const values = { hi: Float64Array.of(x), lo: Float64Array.of(0) };
      exponentiate(values, 0, 1);
      const scaled = exact(x).exp().mul(new Decimal60(2).pow(512));
      expectWithin(-101, { hi: values.hi[0] as number, lo: values.lo[0] as number }, scaled);
    }
  });

  it("is exact at 0 and where the result vanishes", () => {
    expect(exp(fromNumber(0))).toEqual({ hi: 1, lo: 0 });
    expect(exp(fromNumber(-746.5)).hi).toBe(0);
    expect(exp(fromNumber(Number.NEGATIVE_INFINITY))).toEqual({ hi: 0, lo: 0 });
  });

  it("propagates NaN and refuses positive arguments", () => {
    expect(exp(fromNumber(Number.NaN)).hi).toBeNaN();
    expect(() => exp(fromNumber(0.5))).toThrow(
      new RangeError("exp is implemented for arguments <= 0, got 0.5"),
    );
  });
});

describe("log and log1p", () => {
  it("log errs by less than 2^-100 (1 + ln x)", () => {
    fc.assert(
      fc.property(doubleDouble(1.001, 2 ** 40), (x) => {
        const expected = decimalOf(x).ln();
        const error = decimalOf(log(x)).minus(expected).abs();
        expect(error.lt(expected.plus(1).mul(new Decimal60(2).pow(-100)))).toBe(true);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  it("log1p errs by less than 2^-97 relative where 1 + y would lose y", () => {
    for (let exponent = -40; exponent <= 30; exponent++) {
      const y = { hi: 1.37 * 2 ** exponent, lo: 1.37 * 2 ** (exponent - 55) };
      expectWithin(-97, log1p(y), decimalOf(y).plus(1).ln());
    }
  });

  it("log1p of a tiny y is y - y^2/2 + y^3/3", () => {
    for (const hi of [1e-13, 1e-25, 1e-33, 1e-200, 1e-300]) {
      const y = exact(hi);
      const series = y
        .minus(y.pow(2).div(2))
        .plus(y.pow(3).div(3))
        .minus(y.pow(4).div(4))
        .plus(y.pow(5).div(5));
      expectWithin(-97, log1p(fromNumber(hi)), series);
    }
  });

  it("refuses a logarithm below 1", () => {
    expect(() => log(fromNumber(0.5))).toThrow(RangeError);
  });
});
