import { describe, expect, it } from "vitest";
import { probeThroughput, ThroughputMonitor, ThroughputReference } from "../src/shared-core.js";

const now = () => Number(process.hrtime.bigint());

describe("the throughput reference", () => {
  it("is what an undisturbed core takes, though three of four visits see none", () => {
    const reference = new ThroughputReference();
    for (let visit = 0; visit < 40; visit++) reference.add("a", visit % 4 === 0 ? 200 : 380);
    expect(reference.of("a")).toBe(200);
  });

  it("is not moved by a moment of a higher clock frequency", () => {
    const reference = new ThroughputReference();
    for (let visit = 0; visit < 40; visit++) reference.add("a", visit === 7 ? 120 : 200 + visit / 10);
    expect(reference.of("a")).toBeGreaterThan(200);
  });

  it("is each backend's own, and unknown at first", () => {
    const reference = new ThroughputReference();
    reference.add("a", 200);
    expect(reference.of("b")).toBeUndefined();
  });
});

describe("the throughput monitor", () => {
  it("calls a core shared where the probe takes much longer than the reference", () => {
    expect(new ThroughputMonitor({ now }, 1, 1).isUndisturbed()).toBe(false);
    expect(new ThroughputMonitor({ now }, 1, 1e9).isUndisturbed()).toBe(true);
  });

  it("takes no longer after a memory has grown, from when on JavaScript's loops over arrays are slower", () => {
    const fastest = () => Math.min(...Array.from({ length: 400 }, () => probeThroughput(now)));
    const before = fastest();
    new WebAssembly.Memory({ initial: 1 }).grow(1);
    expect(fastest() / before).toBeLessThan(1.3);
    expect(fastest() / before).toBeGreaterThan(1 / 1.3);
  });

  it("calls cores shared where another one of as many as compute is, and asks for no more than these", () => {
    const asked: number[] = [];
    const otherCores = (count: number) => {
      asked.push(count);
      return { start: () => {}, finish: () => 1e10 };
    };
    expect(new ThroughputMonitor({ now, otherCores }, 1, 1e9).isUndisturbed()).toBe(true);
    expect(asked).toEqual([]);
    expect(new ThroughputMonitor({ now, otherCores }, 3, 1e9).isUndisturbed()).toBe(false);
    expect(asked).toEqual([2]);
  });

  it("takes a tenth of a millisecond, more or less, once its code is optimised", () => {
    const fastest = Math.min(...Array.from({ length: 50 }, () => probeThroughput(now)));
    expect(fastest).toBeGreaterThan(2e4);
    expect(fastest).toBeLessThan(2e6);
    expect(new ThroughputMonitor({ now }, 1).fastestNs).toBe(Number.POSITIVE_INFINITY);
  });
});
