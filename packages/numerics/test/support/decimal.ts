import { Decimal } from "decimal.js";
import { expect } from "vitest";
import type { DoubleDouble } from "../../src/index.js";

/** 60 significant digits, about 199 bits: far beyond the 106 of what it judges. */
export const Decimal60 = Decimal.clone({ precision: 60 });

/** The exact value of a float64, to 60 digits; `new Decimal(x)` would take the shortest decimal that prints x. */
export function exact(x: number): Decimal {
  if (!Number.isFinite(x) || x === 0) return new Decimal60(x);
  const bits = new DataView(Float64Array.of(x).buffer).getBigUint64(0, true);
  const biased = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  const significand = biased === 0 ? fraction : fraction | (1n << 52n);
  const magnitude = new Decimal60(significand.toString()).mul(
    new Decimal60(2).pow(Math.max(biased, 1) - 1075),
  );
  return x < 0 ? magnitude.neg() : magnitude;
}

/** hi + lo, to 60 digits. */
export function decimalOf({ hi, lo }: DoubleDouble): Decimal {
  return exact(hi).plus(exact(lo));
}

/** Smallest subnormal float64: what one underflow may lose. */
const UNDERFLOW = new Decimal60(2).pow(-1074);

/** Expects |actual - expected| <= 2^bits |expected| + 2^-1074. */
export function expectWithin(bits: number, actual: DoubleDouble, expected: Decimal): void {
  const error = decimalOf(actual).minus(expected).abs();
  const allowed = new Decimal60(2).pow(bits).mul(expected.abs()).plus(UNDERFLOW);
  if (error.lte(allowed)) return;
  const relative = error.div(expected.abs());
  expect.fail(
    `${actual.hi} + ${actual.lo} differs from ${expected} by 2^${Decimal.log2(relative).toFixed(1)} relative, more than 2^${bits}`,
  );
}

/** ln(1 + y), by its series where 60 digits of 1 + y would not hold y. */
export function log1p(y: Decimal): Decimal {
  if (y.gt(1e-12)) return y.plus(1).ln();
  return y.minus(y.pow(2).div(2)).plus(y.pow(3).div(3)).minus(y.pow(4).div(4));
}
