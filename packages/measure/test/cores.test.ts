import { describe, expect, it } from "vitest";
import { CoreMonitor, CoreReference } from "../src/core-monitor.js";
import { probeThroughput } from "../src/core-throughput.js";

const now = () => Number(process.hrtime.bigint());

describe("the reference", () => {
  it("is what an undisturbed core takes, though three of four visits see none", () => {
    const reference = new CoreReference();
    for (let visit = 0; visit < 40; visit++) reference.add("a", { probeNs: visit % 4 === 0 ? 200 : 380 });
    expect(reference.of("a").probeNs).toBe(200);
  });

  it("is what near cores take, though nine of ten visits see none", () => {
    const reference = new CoreReference();
    for (let visit = 0; visit < 40; visit++) reference.add("a", { latencyNs: visit % 10 === 0 ? 50 : 300 });
    expect(reference.of("a").latencyNs).toBe(50);
  });

  it("is not moved by a moment of a higher clock frequency", () => {
    const reference = new CoreReference();
    for (let visit = 0; visit < 40; visit++)
      reference.add("a", { probeNs: visit === 7 ? 120 : 200 + visit / 10 });
    expect(reference.of("a").probeNs).toBeGreaterThan(200);
  });

  it("is each backend's own, and unknown at first", () => {
    const reference = new CoreReference();
    reference.add("a", { probeNs: 200 });
    expect(reference.of("b")).toEqual({});
    expect(reference.of("a").latencyNs).toBeUndefined();
  });
});

describe("the monitor of cores", () => {
  it("calls a core shared where the probe takes much longer than the reference", () => {
    expect(new CoreMonitor({ now }, 1, { probeNs: 1 }).isUndisturbed()).toBe(false);
    expect(new CoreMonitor({ now }, 1, { probeNs: 1e9 }).isUndisturbed()).toBe(true);
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
      return { start: () => {}, finish: () => ({ probeNs: 1e10 }) };
    };
    expect(new CoreMonitor({ now, otherCores }, 1, { probeNs: 1e9 }).isUndisturbed()).toBe(true);
    expect(asked).toEqual([]);
    expect(new CoreMonitor({ now, otherCores }, 3, { probeNs: 1e9 }).isUndisturbed()).toBe(false);
    expect(asked).toEqual([2]);
  });

  it("calls cores disturbed where they are further apart than those of the reference, or than they once were", () => {
    const latencies = [50, 110, 320, undefined];
    const otherCores = () => ({ start: () => {}, finish: () => ({ latencyNs: latencies.shift() }) });
    const monitor = new CoreMonitor({ now, otherCores }, 2, { probeNs: 1e9 });
    // A thread that did not answer says nothing: the cores are where they were.
    expect([1, 2, 3, 4].map(() => monitor.isUndisturbed())).toEqual([true, true, false, false]);
    expect(monitor.fastest.latencyNs).toBe(50);
    latencies.push(320, 320);
    const far = new CoreMonitor({ now, otherCores }, 2, { probeNs: 1e9, latencyNs: 60 });
    expect(far.isUndisturbed()).toBe(false);
    expect(new CoreMonitor({ now, otherCores }, 2, { probeNs: 1e9, latencyNs: 300 }).isUndisturbed()).toBe(
      true,
    );
  });

  it("takes a tenth of a millisecond, more or less, once its code is optimised", () => {
    const fastest = Math.min(...Array.from({ length: 50 }, () => probeThroughput(now)));
    expect(fastest).toBeGreaterThan(2e4);
    expect(fastest).toBeLessThan(2e6);
    expect(new CoreMonitor({ now }, 1).fastest.probeNs).toBe(Number.POSITIVE_INFINITY);
  });
});
