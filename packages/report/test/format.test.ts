import { describe, expect, it } from "vitest";
import {
  formatBytes,
  formatCount,
  formatCoverage,
  formatDuration,
  formatError,
  formatInterval,
  formatPercent,
  formatPercents,
  formatRatio,
  formatSpeedup,
  formatWall,
} from "../src/format.js";

describe("several shares", () => {
  it("are shown by the least and the most of them, or by one if those look alike", () => {
    expect(formatPercents([0.15, 0.02, 0.1])).toBe("2.0 % to 15 %");
    expect(formatPercents([0.0201, 0.02])).toBe("2.0 %");
  });
});

describe("a duration", () => {
  it.each([
    [0, "0 ns"],
    [0.3, "0.300 ns"],
    [1, "1.00 ns"],
    [999.4, "999 ns"],
    [1000, "1.00 µs"],
    [4.7e6, "4.70 ms"],
    [12.34e9, "12.3 s"],
    [123_456e9, "123456 s"],
  ])("of %d ns is shown with three digits as %s", (ns, text) => {
    expect(formatDuration(ns)).toBe(text);
  });

  it.each([
    [999.6, "1.00 µs"],
    [999_600, "1.00 ms"],
    [999_400, "999 µs"],
    [999.9e6, "1.00 s"],
    [0.9996, "1.00 ns"],
  ])("of %d ns takes the unit that it rounds up to", (ns, text) => {
    expect(formatDuration(ns)).toBe(text);
  });

  it("never shows an exponent between a picosecond and a year", () => {
    for (let ns = 1e-3; ns < 3.2e16; ns *= 1.07) expect(formatDuration(ns)).not.toMatch(/e/);
  });

  it.each([
    [Number.NaN, "NaN ns"],
    [Number.POSITIVE_INFINITY, "∞ s"],
    [Number.NEGATIVE_INFINITY, "−∞ ns"],
  ])("that is %d says so", (ns, text) => {
    expect(formatDuration(ns)).toBe(text);
  });
});

describe("an interval", () => {
  it("is shown in the unit of its median", () => {
    expect(formatInterval(1.5e6, [900_000, 2e6])).toBe("[0.900, 2.00]");
  });

  it("follows the median where that rounds up to the next unit", () => {
    expect(formatDuration(999_600)).toBe("1.00 ms");
    expect(formatInterval(999_600, [990_000, 1_010_000])).toBe("[0.990, 1.01]");
  });

  it("shows zeros and sub-nanosecond ends", () => {
    expect(formatInterval(0, [0, 0.5])).toBe("[0, 0.500]");
  });

  it("shows ends far above the median in full", () => {
    expect(formatInterval(1500, [999.6, 1_234_567])).toBe("[1.00, 1235]");
  });
});

describe("a ratio", () => {
  it.each([
    [1, "1.00×"],
    [0, "0×"],
    [0.5, "0.500×"],
    [12.34, "12.3×"],
    [999.6, "1000×"],
    [12_345.6, "12346×"],
    [Number.POSITIVE_INFINITY, "∞×"],
    [Number.NaN, "NaN×"],
  ])("of %d is %s", (ratio, text) => {
    expect(formatRatio(ratio)).toBe(text);
  });
});

describe("an error", () => {
  it.each([
    [0, "0"],
    [6.12e-8, "6.1e-8"],
    [9.99e-8, "1.0e-7"],
    [0.5, "5.0e-1"],
    [1.25e9, "1.3e9"],
    [5e-324, "4.9e-324"],
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "∞"],
    [Number.NEGATIVE_INFINITY, "−∞"],
  ])("of %d is %s", (value, text) => {
    expect(formatError(value)).toBe(text);
  });
});

describe("a count", () => {
  it.each([
    [0, "0"],
    [999.6, "1,000"],
    [12_345, "12,345"],
    [9_999_999, "9,999,999"],
    [9_999_999.6, "1.0e7"],
    [1.234e9, "1.2e9"],
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "∞"],
  ])("of %d is %s", (value, text) => {
    expect(formatCount(value)).toBe(text);
  });
});

describe("a size", () => {
  it.each([
    [0, "0 B"],
    [512, "512 B"],
    [999.6, "1000 B"],
    [1023, "1023 B"],
    [1023.9 * 1024, "1.00 MiB"],
    [1.5 * 2 ** 20, "1.50 MiB"],
    [15.6 * 2 ** 30, "15.6 GiB"],
    [Number.NaN, "NaN B"],
    [Number.POSITIVE_INFINITY, "∞ GiB"],
  ])("of %d bytes is %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe("a wall time", () => {
  it.each([
    [0, "0.0s"],
    [1.24e9, "1.2s"],
    [59.96e9, "1m 0s"],
    [151e9, "2m 31s"],
    [3600e9, "60m 0s"],
  ])("of %d ns is %s", (ns, text) => {
    expect(formatWall(ns)).toBe(text);
  });
});

describe("a share", () => {
  it("has a decimal only below a tenth", () => {
    expect([0, 0.025, 0.42, 1].map(formatPercent)).toEqual(["0.0 %", "2.5 %", "42 %", "100 %"]);
  });
});

describe("a coverage", () => {
  it("is never rounded up to a level that it misses", () => {
    expect([0.9499, 0.95, 0.9375, 0.999999].map(formatCoverage)).toEqual([
      "94.9 %",
      "95.0 %",
      "93.7 %",
      "99.9 %",
    ]);
  });
});

describe("a speed-up", () => {
  it.each([
    [2.5, "2.50×"],
    [1, "1.00×"],
    [0.5, "2.00× slowdown"],
    [0.8, "1.25× slowdown"],
  ])("of %d is shown as %s", (speedup, text) => {
    expect(formatSpeedup(speedup)).toBe(text);
  });
});
