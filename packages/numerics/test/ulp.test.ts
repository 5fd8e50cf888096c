import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ulpDistanceFloat32, ulpDistanceFloat64, ulpDistribution } from "../src/index.js";

const { NaN: nan, POSITIVE_INFINITY: infinity, MIN_VALUE, MAX_VALUE } = Number;

/** Sign, then magnitude: where a number stands in the ordered line of all floats of its format. */
function ordinal(pattern: bigint, bits: bigint): bigint {
  const sign = 1n << (bits - 1n);
  return pattern < sign ? pattern : sign - pattern;
}

function distanceByBits(a: number, b: number, bits: 32 | 64): bigint {
  const ordinalOf = (x: number) => {
    const view = new DataView(new ArrayBuffer(8));
    if (bits === 32) view.setFloat32(0, x);
    else view.setFloat64(0, x);
    return ordinal(bits === 32 ? BigInt(view.getUint32(0)) : view.getBigUint64(0), BigInt(bits));
  };
  const difference = ordinalOf(a) - ordinalOf(b);
  return difference < 0n ? -difference : difference;
}

describe("ulpDistanceFloat32", () => {
  const finite = fc.float({ noNaN: true, noDefaultInfinity: true });

  it("is the difference of the ordinals of the two bit patterns", () => {
    fc.assert(
      fc.property(finite, finite, (a, b) => {
        expect(BigInt(ulpDistanceFloat32(a, b))).toBe(distanceByBits(a, b, 32));
      }),
      { numRuns: 1000 },
    );
  });

  it.for([
    [0, -0, 0],
    [1, 1 + 2 ** -23, 1],
    [1, 1 - 2 ** -24, 1],
    [0.5, 1, 2 ** 23],
    [0, 2 ** -149, 1],
    [-(2 ** -149), 2 ** -149, 2],
    [2 ** -126, 2 ** -126 - 2 ** -149, 1],
  ] as const)("from %d to %d is %d", ([a, b, steps]) => {
    expect(ulpDistanceFloat32(a, b)).toBe(steps);
    expect(ulpDistanceFloat32(b, a)).toBe(steps);
  });
});

describe("ulpDistanceFloat64", () => {
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true });

  it("is the difference of the ordinals of the two bit patterns, to the nearest float64", () => {
    fc.assert(
      fc.property(finite, finite, (a, b) => {
        expect(ulpDistanceFloat64(a, b)).toBe(Number(distanceByBits(a, b, 64)));
      }),
      { numRuns: 1000 },
    );
  });

  it.for([
    [0, -0, 0],
    [1, 1 + 2 ** -52, 1],
    [1, 1 - 2 ** -53, 1],
    [-MIN_VALUE, MIN_VALUE, 2],
    [2 ** -1022, 2 ** -1022 - MIN_VALUE, 1],
    [1, 2, 2 ** 52],
    [2 ** 32 * MIN_VALUE, (2 ** 32 - 1) * MIN_VALUE, 1],
  ] as const)("from %d to %d is %d", ([a, b, steps]) => {
    expect(ulpDistanceFloat64(a, b)).toBe(steps);
    expect(ulpDistanceFloat64(b, a)).toBe(steps);
  });
});

describe("a value that is not finite", () => {
  it.for([
    [nan, 1],
    [nan, nan],
    [infinity, 1],
    [-infinity, infinity],
    [infinity, infinity],
  ] as const)("%d is infinitely far from %d", ([a, b]) => {
    expect(ulpDistanceFloat32(a, b)).toBe(infinity);
    expect(ulpDistanceFloat64(b, a)).toBe(infinity);
  });
});

describe("ulpDistribution", () => {
  /** 1.0 moved by each number of steps. */
  const float32At = (steps: number[]) => Float32Array.from(steps, (n) => 1 + n * 2 ** -23);
  const float64At = (steps: number[]) => Float64Array.from(steps, (n) => 1 + n * 2 ** -52);
  const ones = (length: number) => Array<number>(length).fill(0);

  it("gives maximum, nearest-rank quantiles and the share of zeros", () => {
    const steps = [...ones(30), ...Array.from({ length: 70 }, (_, i) => i + 1)];
    const expected = { max: 70, p99: 69, median: 20, correctlyRounded: 0.3 };
    expect(ulpDistribution(float32At(steps), float32At(ones(100)))).toEqual(expected);
    expect(ulpDistribution(float64At(steps), float64At(ones(100)))).toEqual(expected);
  });

  it("agrees with sorting wherever a quantile is below 1024, and bounds it within 1/128 above", () => {
    const steps = fc.array(fc.oneof(fc.nat({ max: 1100 }), fc.nat({ max: 2 ** 22 })), { minLength: 1 });
    fc.assert(
      fc.property(steps, (distances) => {
        const { median, p99, max } = ulpDistribution(float32At(distances), float32At(ones(distances.length)));
        const sorted = distances.toSorted((a, b) => a - b);
        expect(max).toBe(sorted.at(-1));
        for (const [q, quantile] of [
          [0.5, median],
          [0.99, p99],
        ] as const) {
          const exact = sorted[Math.ceil(q * sorted.length) - 1] as number;
          if (exact < 1024) expect(quantile).toBe(exact);
          expect(quantile).toBeGreaterThanOrEqual(exact);
          expect(quantile).toBeLessThan(exact * (1 + 1 / 128) + 1);
        }
      }),
    );
  });

  it("keeps float64 distances near 2^64", () => {
    const { max, median } = ulpDistribution(Float64Array.of(MAX_VALUE), Float64Array.of(-MAX_VALUE));
    expect(max).toBe(Number(distanceByBits(MAX_VALUE, -MAX_VALUE, 64)));
    expect(median).toBe(max);
  });

  it("counts entries that are not finite as infinitely far", () => {
    const computed = Float32Array.of(1, 1, 1, nan);
    const expected = { max: infinity, p99: infinity, median: 0, correctlyRounded: 0.75 };
    expect(ulpDistribution(computed, float32At(ones(4)))).toEqual(expected);
  });

  it("reads views at an offset into their buffer", () => {
    const computed = Float32Array.of(9, 1, 1).subarray(1);
    expect(ulpDistribution(computed, float32At([0, 3])).max).toBe(3);
  });

  it("refuses arrays of different types or lengths, and empty ones", () => {
    expect(() => ulpDistribution(new Float32Array(2), new Float64Array(2))).toThrow(
      new RangeError("Expected two arrays of the same type, got Float32Array and Float64Array."),
    );
    expect(() => ulpDistribution(new Float32Array(2), new Float32Array(3))).toThrow(RangeError);
    expect(() => ulpDistribution(new Float32Array(0), new Float32Array(0))).toThrow(RangeError);
  });
});
