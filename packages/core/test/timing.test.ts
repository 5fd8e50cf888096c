import { intervalOf, type Timing } from "@softmax-bench/core";
import { describe, expect, it } from "vitest";

const timing: Timing = {
  medianNs: 10,
  madNs: 1,
  ci95Ns: [9, 11],
  coverage: 0.96,
  scope: "processes",
  samples: [],
};

describe("the interval of a time", () => {
  it("covers the median over processes with at least 95 %", () => {
    expect(intervalOf(timing)).toEqual([9, 11]);
    expect(intervalOf({ ...timing, coverage: 0.94 })).toBeUndefined();
  });

  it("is none of the samples inside one process, of which the next may be far", () => {
    expect(intervalOf({ ...timing, scope: "process" })).toBeUndefined();
  });
});
