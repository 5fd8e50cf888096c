import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { roundReference, roundToFloat32 } from "../src/index.js";
import { exact } from "./support/decimal.js";

/** The float32 above and below a finite float32, by its definition as a bit pattern. */
function neighbours(x: number): [number, number] {
  const bits = new Int32Array(Float32Array.of(x).buffer)[0] as number;
  const at = (pattern: number) => new Float32Array(Int32Array.of(pattern).buffer)[0] as number;
  return x === 0 ? [at(1), -at(1)] : [at(bits - 1), at(bits + 1)];
}

const isEven = (x: number) => ((new Int32Array(Float32Array.of(x).buffer)[0] as number) & 1) === 0;

/** In units of the smallest float32, so that 60 digits hold every tie below exactly. */
const inUnits = (x: number) => exact(x * 2 ** 149);

const positiveFloat32 = fc.float({ min: 0, max: 1, noNaN: true });

describe("roundToFloat32", () => {
  it("is not farther from hi + lo than either neighbouring float32, and even in a tie", () => {
    const nearTie = positiveFloat32.map((x) => (x + neighbours(x)[1]) / 2);
    const hiValues = fc.oneof(nearTie, fc.double({ min: -1, max: 1, noNaN: true }));
    fc.assert(
      fc.property(hiValues, fc.constantFrom(-1, -1e-3, 0, 1e-3, 1), (hi, tail) => {
        const lo = hi * tail * 2 ** -54;
        const rounded = roundToFloat32(hi, lo);
        const distanceTo = (x: number) => inUnits(x).minus(inUnits(hi)).minus(inUnits(lo)).abs();
        for (const neighbour of neighbours(rounded)) {
          const order = distanceTo(rounded).cmp(distanceTo(neighbour));
          expect(order < 0 || (order === 0 && isEven(rounded))).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("lets lo decide where hi is halfway between two float32", () => {
    const halfway = 1 + 2 ** -24;
    expect(roundToFloat32(halfway, 0)).toBe(1);
    expect(roundToFloat32(halfway, 2 ** -80)).toBe(1 + 2 ** -23);
    expect(roundToFloat32(halfway, -(2 ** -80))).toBe(1);
    expect(roundToFloat32(-halfway, -(2 ** -80))).toBe(-1 - 2 ** -23);
  });

  it("does so between subnormal float32", () => {
    expect(roundToFloat32(2 ** -150, 2 ** -210)).toBe(2 ** -149);
    expect(roundToFloat32(2 ** -150, 0)).toBe(0);
    expect(roundToFloat32(3 * 2 ** -150, -(2 ** -210))).toBe(2 ** -149);
  });

  it("passes on NaN and infinities", () => {
    expect(roundToFloat32(Number.NaN, Number.NaN)).toBeNaN();
    expect(roundToFloat32(Number.NEGATIVE_INFINITY, 0)).toBe(Number.NEGATIVE_INFINITY);
  });
});

describe("roundReference", () => {
  const gradient = { hi: Float64Array.of(1 + 2 ** -24, 0.1), lo: Float64Array.of(2 ** -80, 1e-18) };

  it("rounds every entry once to float32", () => {
    expect(roundReference(gradient, "float32")).toEqual(Float32Array.of(1 + 2 ** -23, 0.1));
  });

  it("takes hi for float64, as a copy", () => {
    const rounded = roundReference(gradient, "float64");
    expect(rounded).toEqual(gradient.hi);
    expect(rounded).not.toBe(gradient.hi);
  });
});
