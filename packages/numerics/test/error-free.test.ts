import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fastSumError, leadingHalf, productError, sumError } from "../src/double-double/error-free.js";

/** Any 53-bit significand with an exponent in [-40, 40]: a multiple of 2^-40. */
const operand = fc
  .tuple(fc.maxSafeInteger(), fc.integer({ min: -40, max: 40 }))
  .map(([significand, exponent]) => significand * 2 ** exponent);

/** x * 2^80 as an integer, exactly, for any multiple of 2^-80. */
const integer = (x: number) => BigInt(x * 2 ** 80);

describe("error-free transformations", () => {
  it("sum + sumError is exactly a + b", () => {
    fc.assert(
      fc.property(operand, operand, (a, b) => {
        const sum = a + b;
        expect(integer(sum) + integer(sumError(a, b, sum))).toBe(integer(a) + integer(b));
      }),
    );
  });

  it("sum + fastSumError is exactly a + b when |a| >= |b|", () => {
    fc.assert(
      fc.property(operand, operand, (x, y) => {
        const [a, b] = Math.abs(x) >= Math.abs(y) ? [x, y] : [y, x];
        const sum = a + b;
        expect(integer(sum) + integer(fastSumError(a, b, sum))).toBe(integer(a) + integer(b));
      }),
    );
  });

  it("product + productError is exactly a * b", () => {
    fc.assert(
      fc.property(operand, operand, (a, b) => {
        const product = a * b;
        const total = integer(product) + integer(productError(a, b, product));
        expect(total << 80n).toBe(integer(a) * integer(b));
      }),
    );
  });

  it("leadingHalf leaves two halves of at most 26 bits", () => {
    const bitsOf = (x: number) => {
      let n = integer(Math.abs(x));
      while (n !== 0n && n % 2n === 0n) n /= 2n;
      return n === 0n ? 0 : n.toString(2).length;
    };
    fc.assert(
      fc.property(operand, (a) => {
        const lead = leadingHalf(a);
        expect(bitsOf(lead)).toBeLessThanOrEqual(26);
        expect(bitsOf(a - lead)).toBeLessThanOrEqual(26);
      }),
    );
  });
});
