import { rankSumTest, welchTest, wilsonInterval } from "@softmax-bench/stats";
import { describe, expect, it } from "vitest";

describe("tests of two groups", () => {
  it("give the upper tail of the standardised difference", () => {
    // One standard error apart: means of 3 and 4, variances of 2.5, five values each.
    expect(welchTest([1, 2, 3, 4, 5], [2, 3, 4, 5, 6])).toBeCloseTo(0.1587, 4);
    // All after are larger: a rank sum of 15 where 10.5 is expected, with a deviation of √5.25.
    expect(rankSumTest([1, 2, 3], [4, 5, 6])).toBeCloseTo(0.0248, 4);
  });

  it("take equal values into account, as R's wilcox.test(correct = FALSE) does", () => {
    // Ranks of 1, 3 (three times), 6 (three times), 8: 23 after, where 18 is expected, with a variance of
    // 16/12 · (9 − (24 + 24) / 56) = 76/7, not 12: z = 5 / √(76/7) = 1.5174.
    expect(rankSumTest([1, 2, 2, 3], [2, 3, 3, 4])).toBeCloseTo(0.0646, 4);
    // Two values alone: ranks of 2.5 and 6.5, 22 where 18 is expected, with a variance of 16/12 · (9 − 120 / 56) = 64/7: z = √7 / 2.
    expect(rankSumTest([0, 0, 0, 1], [0, 1, 1, 1])).toBeCloseTo(0.0929, 4);
  });

  it.each([welchTest, rankSumTest])("find nothing where all values are equal: %o", (test) => {
    expect(test([2, 2, 2], [2, 2])).toBeCloseTo(0.5, 6);
  });

  it.each([welchTest, rankSumTest])("find only larger values after: %o", (test) => {
    const [low, high] = [
      [1, 1.1, 0.9, 1.05, 0.95, 1.02],
      [2, 2.1, 1.9, 2.05, 1.95, 2.02],
    ] as const;
    expect(test(low, high)).toBeLessThan(0.01);
    expect(test(high, low)).toBeGreaterThan(0.99);
    expect(test(low, low)).toBeCloseTo(0.5, 6);
  });

  it.each([welchTest, rankSumTest])("find nothing in a single value: %o", (test) => {
    expect(test([1], [2, 3, 4])).toBe(1);
    expect(test([1, 2, 3], [])).toBe(1);
  });
});

describe("Wilson's interval", () => {
  it("is that of the literature", () => {
    const [low, high] = wilsonInterval(8, 10);
    expect(low).toBeCloseTo(0.4902, 4);
    expect(high).toBeCloseTo(0.9433, 4);
  });

  it("stays between 0 and 1", () => {
    expect(wilsonInterval(0, 10)[0]).toBe(0);
    expect(wilsonInterval(10, 10)[1]).toBeCloseTo(1, 12);
    expect(wilsonInterval(10, 10)[1]).toBeLessThanOrEqual(1);
    expect(wilsonInterval(0, 10)[1]).toBeCloseTo(0.2775, 4);
  });
});
