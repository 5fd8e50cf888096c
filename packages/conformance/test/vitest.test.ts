import type { GradientFunction } from "@softmax-bench/core";
import { describe, expect, it } from "vitest";
import type { OracleOptions } from "../src/vitest.js";
import "../src/vitest.js";

/** (p − t) / N in doubles, changed. */
const gradientWith =
  ({ change = (value: number) => value, lossFactor = 1 } = {}): GradientFunction =>
  ({ logits, labels, rows, classes, gradient }) => {
    let loss = 0;
    for (let row = 0; row < rows; row++) {
      const own = Array.from(logits.subarray(row * classes, (row + 1) * classes), Number);
      const max = Math.max(...own);
      const sum = own.reduce((total, x) => total + Math.exp(x - max), 0);
      const label = labels[row] as number;
      loss += (lossFactor * (Math.log(sum) + max - (own[label] as number))) / rows;
      own.forEach((x, c) => {
        gradient[row * classes + c] = change((Math.exp(x - max) / sum - (c === label ? 1 : 0)) / rows);
      });
    }
    return { loss, gradient };
  };

const messageOf = (compute: unknown, options: Partial<OracleOptions> = {}): string => {
  try {
    expect(compute).toMatchOracle({ maxUlp: 4, ...options });
    return "passed";
  } catch (error) {
    return (error as Error).message;
  }
};

describe("toMatchOracle", () => {
  it("passes for a gradient that is right, filled in or returned", () => {
    expect(gradientWith()).toMatchOracle({ maxUlp: 4 });
    // Sums of C terms, and exponentials of logits up to 8 in magnitude: C + 2 + 2 · 8 roundings (the bound of the paper).
    expect(gradientWith()).toMatchOracle({ maxUlp: 1018, workloads: ["4x1000"] });
    const returned: GradientFunction = (problem) => {
      const { loss } = gradientWith()(problem);
      const gradient = Array.from(problem.gradient);
      problem.gradient.fill(Number.NaN);
      return { loss, gradient };
    };
    expect(returned).toMatchOracle({ maxUlp: 4 });
  });

  it("counts in ULP of the dtype: 2^-20 of a value is at least 8 of the 2^24 that float32 distinguishes", () => {
    const rough = gradientWith({ change: (value) => value * (1 + 2 ** -20) });
    expect(rough).not.toMatchOracle({ maxUlp: 7, dtypes: ["float32"], workloads: ["16x10"] });
    expect(rough).toMatchOracle({ maxUlp: 17, dtypes: ["float32"], workloads: ["16x10"] });
    expect(rough).not.toMatchOracle({ maxUlp: 17 });
  });

  it("says which entry is how far off, on which inputs", () => {
    const zero = gradientWith({ change: () => 0 });
    expect(messageOf(zero, { workloads: ["2x3"], dtypes: ["float32"] })).toMatch(
      /^expected at most 4 ULP; the entry \[[01], [0-2]\] of the gradient on 2x3 in float32 is 0, \d+ ULP from -?\d\S+$/,
    );
    expect(messageOf(gradientWith({ change: () => Number.NaN }))).toMatch(/is NaN, Infinity ULP from/);
  });

  it.each([
    [
      gradientWith({ lossFactor: 1.01 }),
      /^expected at most 4 ULP; the loss on 16x10 in float32 is \S+, and not \S+$/,
    ],
    [
      () => ({ loss: Number.NaN, gradient: [] }),
      /expected \{ loss, gradient \}, a number and an array of 160 numbers; got 0 numbers$/,
    ],
    [() => undefined, /an array of 160 numbers; got undefined$/],
    [async () => ({ loss: 1, gradient: [] }), /got a promise$/],
    [() => ({ loss: "1", gradient: [] }), /got a loss of type string$/],
    [() => ({ loss: 1 }), /got a gradient of type undefined$/],
  ])("refuses what is no right result, in one line (%#)", (compute, message) => {
    expect(messageOf(compute)).toMatch(message);
  });

  it.each([
    [{ maxUlp: undefined }, "toMatchOracle: maxUlp: expected a number, 0 or more, got undefined"],
    [{ maxUlp: Number.NaN }, "toMatchOracle: maxUlp: expected a number, 0 or more, got NaN"],
    [
      { dtypes: ["float8"] },
      "toMatchOracle: dtypes: expected float32, float64, float16, bfloat16, got 'float8'",
    ],
  ])("refuses wrong options: %j", (options, message) => {
    expect(messageOf(gradientWith(), options as Partial<OracleOptions>)).toBe(message);
  });

  it.each([
    [{ dtypes: [] }, "toMatchOracle: dtypes: expected a list of at least one, got []"],
    [{ workloads: [] }, "toMatchOracle: workloads: expected a list of at least one, got []"],
    [{ workloads: "16x10" }, "toMatchOracle: workloads: expected a list of at least one, got '16x10'"],
    [{ seed: 0.5 }, "toMatchOracle: seed: expected a whole number, got 0.5"],
  ])("refuses what leaves nothing to compute: %j", (options, message) => {
    const given = { maxUlp: 4, ...options } as unknown as OracleOptions;
    expect(() => expect(gradientWith()).not.toMatchOracle(given)).toThrow(new TypeError(message));
  });

  it.each([undefined, null, 4])("refuses %s in the place of options", (options) => {
    expect(() => expect(gradientWith()).toMatchOracle(options as unknown as OracleOptions)).toThrow(
      new TypeError(`toMatchOracle: expected options such as { maxUlp: 4 }, got ${options}`),
    );
  });

  it.each([
    ["not a function", "'not a function'"],
    [5, "5"],
    [null, "null"],
    [Promise.resolve(), "Promise"],
  ])("is wrong for %s, with and without not", (received, got) => {
    for (const expectation of [expect(received), expect(received).not]) {
      expect(() => expectation.toMatchOracle({ maxUlp: 4 })).toThrow(
        `toMatchOracle: expected a function of { logits, labels, rows, classes, … }, got ${got}`,
      );
    }
  });

  it("knows which workloads there are", () => {
    expect(messageOf(gradientWith(), { workloads: ["cifar"] })).toMatch(
      /^no workload "cifar"; there are seed-3200, .* and shapes/,
    );
  });
});
