import { describe, expect, it } from "vitest";
import { stepTimes } from "../dist/experiments/networks/networks.js";

describe("the times of a step of training", () => {
  const ratioOf = (pairs: number) =>
    stepTimes([Array(pairs).fill(1e6), Array.from({ length: pairs }, (_, pair) => (1.1 + 0.01 * pair) * 1e6)])
      ?.ratio;

  it("have a ratio with an interval that covers it with at least 95 %", () => {
    // 1 − 2 / 2⁶ between the smallest and the largest of six.
    expect(ratioOf(6)).toMatchObject({
      ci95: [expect.closeTo(1.1, 9), expect.closeTo(1.15, 9)],
      coverage: expect.closeTo(0.96875, 9),
    });
  });

  it("have one that says that it covers less, of fewer pairs", () => {
    expect(ratioOf(4)).toMatchObject({
      median: expect.closeTo(1.115, 9),
      ci95: [expect.any(Number), expect.any(Number)],
      coverage: expect.closeTo(0.875, 9),
    });
  });
});
