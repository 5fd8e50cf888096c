import { uniformSource } from "@softmax-bench/core";
import {
  type Block,
  DEFAULT_LIMITS,
  decide,
  decidingBlocks,
  drawOrder,
  isRouted,
  notRouted,
} from "@softmax-bench/regression";
import { describe, expect, it } from "vitest";
import { REALISTIC, simulateJob } from "./support.js";

const MS = 1e6;
/** A block in which the candidate takes `ratio` times as long. */
const block = (ratio: number, base = MS, control = 1): Block => ({
  baseline: [base, base],
  candidate: [base * ratio, base * ratio],
  control: [base * control, base * control],
});
const blocks = (ratios: readonly number[], base = MS): Block[] => ratios.map((ratio) => block(ratio, base));
const times = <T>(count: number, value: T): T[] => new Array(count).fill(value);
const decideOne = (of: readonly Block[]) => decide([of], DEFAULT_LIMITS)[0];

describe("the order of a block", () => {
  it("is A-B-B-A or B-A-A-B, as often", () => {
    const uniform = uniformSource("orders", 1);
    const orders = Array.from({ length: 1000 }, () =>
      drawOrder(["baseline", "candidate"], uniform).flat().join(" "),
    );
    const outside = orders.filter((order) => order === "baseline candidate candidate baseline");
    const inside = orders.filter((order) => order === "candidate baseline baseline candidate");
    expect(outside.length + inside.length).toBe(1000);
    expect(Math.abs(outside.length - 500)).toBeLessThan(80);
  });

  it("gives every role the same mean place, so that a linear drift is nobody's", () => {
    const order = drawOrder(["baseline", "candidate", "control"], uniformSource("orders", 2)).flat();
    for (const role of new Set(order)) expect(order.indexOf(role) + order.lastIndexOf(role)).toBe(5);
  });
});

describe("routing", () => {
  it.each([
    ["a slowdown of 4 %", [1.04, 1.04], true],
    ["one of 3 %", [1.03, 1.03], false],
    ["blocks that cancel", [1.05, 1 / 1.05], false],
    ["a block that shows one of 7 % beside one that shows none", [1.07, 0.9], true],
    ["an improvement of 5 %", [0.95, 0.95], false],
    ["one of more than the limit", [0.9, 0.9], true],
  ])("of %s", (_, ratios, routed) => {
    expect(isRouted(blocks(ratios), DEFAULT_LIMITS)).toBe(routed);
  });

  it("leaves a cell passed with what little it knows", () => {
    expect(notRouted(blocks([1.01, 1.02]), DEFAULT_LIMITS)).toMatchObject({
      verdict: "pass",
      blocks: 2,
      coverage: 0.5,
    });
  });

  it("concludes nothing from a first look that was cut short", () => {
    expect(notRouted(blocks([1.01]), DEFAULT_LIMITS)).toMatchObject({
      verdict: "inconclusive",
      reason: "less in 1 block than the +3.2 % that would call for more; there was no time for another",
    });
  });
});

describe("the number of deciding blocks", () => {
  // 2⁻ⁿ·m ≤ 0.05 with five blocks to spare: n = ⌈log₂ 20 m⌉ + 5.
  it.each([
    [0, 12],
    [6, 12],
    [7, 13],
    [40, 15],
    [380, 18],
  ])("for %i routed cells is %i", (routed, expected) => {
    expect(decidingBlocks(routed)).toBe(expected);
  });
});

describe("deciding on a busy machine", () => {
  const BUSY = "The machine was busy.";
  // 11 of 12 blocks show a slowdown, and the other one a larger opposite: of 4096 sign flips, 68 show as much.
  const doubtful = blocks([0.8, ...times(11, 1.1)]);

  it("is inconclusive where a quiet machine's result would be a regression, and says why", () => {
    expect(decide([doubtful], DEFAULT_LIMITS)[0]).toMatchObject({ verdict: "regression" });
    expect(decide([doubtful], DEFAULT_LIMITS, BUSY)[0]).toMatchObject({
      verdict: "inconclusive",
      reason: "the machine is busy: slower, but p = 0.017 after correction, more than 0.001",
    });
  });

  it("calls no improvement what a quiet machine's result would be one by", () => {
    const opposite = blocks([1.25, ...times(11, 0.9)]);
    expect(decide([opposite], DEFAULT_LIMITS)[0]).toMatchObject({ verdict: "improvement" });
    expect(decide([opposite], DEFAULT_LIMITS, BUSY)[0]).toMatchObject({ verdict: "pass" });
  });

  it("still finds a slowdown that all blocks show, of which there are more", () => {
    // 2⁻ⁿ·m ≤ 0.001 with five blocks to spare.
    expect([1, 40].map((routed) => decidingBlocks(routed, BUSY))).toEqual([15, 21]);
    expect(decide([blocks(times(15, 1.1))], DEFAULT_LIMITS, BUSY)[0]).toMatchObject({
      verdict: "regression",
    });
  });
});

describe("deciding", () => {
  it("finds a slowdown that every block shows", () => {
    const decided = decideOne(blocks(times(10, 1.1)));
    expect(decided).toMatchObject({ verdict: "regression", blocks: 10, p: 2 ** -10 });
    expect(decided?.slowdown).toBeCloseTo(0.1, 12);
  });

  it("corrects for every cell that was routed", () => {
    const all = decide(times(60, blocks(times(10, 1.1))), DEFAULT_LIMITS);
    expect(all[0]).toMatchObject({ verdict: "inconclusive", p: 60 / 1024 });
  });

  it("lets a slowdown pass that is real and below half the limit", () => {
    expect(decideOne(blocks(times(12, 1.04)))).toMatchObject({ verdict: "pass" });
  });

  it("lets one pass that is below a microsecond", () => {
    expect(decideOne(blocks(times(12, 1.2), 4000))).toMatchObject({
      verdict: "pass",
      reason: "slower by less than 1 µs",
    });
    expect(decideOne(blocks(times(12, 1.2), 6000))).toMatchObject({ verdict: "regression" });
  });

  it("says improvement only where the opposite test says so", () => {
    expect(decideOne(blocks(times(10, 0.85)))).toMatchObject({ verdict: "improvement" });
  });

  it("does not trust a job in which the baseline differs from itself", () => {
    const drifting = times(12, block(1.2, MS, 1.06));
    expect(decideOne(drifting)).toMatchObject({
      verdict: "inconclusive",
      reason: "the baseline differs from itself by +6.0 %",
    });
  });

  it.each([1, 2, 5])(
    "does not rule out a slowdown by %i blocks, whose interval covers less than 95 %",
    (count) => {
      const decided = decideOne(blocks(times(count, 1)));
      expect(decided).toMatchObject({ verdict: "inconclusive", moreBlocks: 6 - count });
      expect(decided?.reason).toMatch(/^a slowdown of \+10\.0 % is not ruled out by \d blocks?$/);
      expect(decideOne(blocks(times(6, 1)))).toMatchObject({ verdict: "pass" });
    },
  );

  it("is inconclusive where the limit is not ruled out, and says how many more blocks would do", () => {
    const noisy = blocks([0.8, 1.25, 0.85, 1.3, 0.9, 1.2, 0.82, 1.18, 0.95, 1.1]);
    const decided = decideOne(noisy);
    expect(decided?.verdict).toBe("inconclusive");
    // An interval of half-width w over n blocks needs n (w / gap)² of them to be as narrow as the gap to the limit.
    const [low, high] = decided?.interval ?? [0, 0];
    const halfWidth = (Math.log1p(high) - Math.log1p(low)) / 2;
    const gap = Math.log(1.1) - Math.log1p(decided?.slowdown ?? 0);
    expect(decided?.moreBlocks).toBe(Math.ceil(10 * (halfWidth / gap) ** 2) - 10);
  });
});

describe("the whole procedure, on a simulated shared machine", () => {
  const jobs = (count: number, slowdowns: readonly number[], noise = REALISTIC) =>
    Array.from({ length: count }, (_, seed) => simulateJob(slowdowns, DEFAULT_LIMITS, seed, noise));
  const share = (of: readonly { verdict: string }[], verdict: string) =>
    of.filter((one) => one.verdict === verdict).length / of.length;

  it("calls at most 1 of 1000 unchanged cells a regression, and at most 1 of 100 inconclusive", () => {
    const cells = jobs(100, times(100, 0)).flat();
    expect(share(cells, "regression")).toBeLessThanOrEqual(0.001);
    expect(share(cells, "improvement")).toBeLessThanOrEqual(0.001);
    expect(share(cells, "inconclusive")).toBeLessThanOrEqual(0.01);
  });

  it("finds a slowdown of 10 % among 40 cells in at least 95 of 100 jobs, and nothing else", () => {
    const found = jobs(200, [0.1, ...times(39, 0)]);
    expect(
      share(
        found.map(([slow]) => slow ?? { verdict: "none" }),
        "regression",
      ),
    ).toBeGreaterThanOrEqual(0.95);
    expect(
      share(
        found.flatMap(([, ...others]) => others),
        "regression",
      ),
    ).toBeLessThanOrEqual(0.001);
  });

  it("finds a slowdown of 10 % where neighbours disturb every eighth process by up to half, as was measured", () => {
    const busy = { process: 0.014, outliers: 0.125, outlierSize: 0.5, drift: 0.004 };
    const found = jobs(200, [0.1, ...times(39, 0)], busy);
    expect(
      share(
        found.flatMap(([slow]) => slow ?? []),
        "regression",
      ),
    ).toBeGreaterThanOrEqual(0.95);
    expect(
      share(
        found.flatMap(([, ...others]) => others),
        "regression",
      ),
    ).toBeLessThanOrEqual(0.001);
  });

  it("finds one of 20 % always", () => {
    expect(
      share(
        jobs(100, [0.2, ...times(39, 0)]).map(([slow]) => slow ?? { verdict: "none" }),
        "regression",
      ),
    ).toBe(1);
  });

  it("keeps its word on a machine that jumps and drifts twice as much", () => {
    const wild = { process: 0.04, outliers: 0.05, outlierSize: 0.5, drift: 0.01 };
    const cells = jobs(60, times(60, 0), wild).flat();
    expect(share(cells, "regression")).toBeLessThanOrEqual(0.002);
  });

  it("is red for none of 1,500 gates of one commit while other programs share the core of every other process", () => {
    const loaded = { process: 0.03, outliers: 0.5, outlierSize: 0.7, drift: 0.01 };
    const BUSY = "The machine was busy.";
    const redGates = (count: number, slowdowns: readonly number[], busy?: string) =>
      Array.from({ length: count }, (_, seed) =>
        simulateJob(slowdowns, DEFAULT_LIMITS, seed, loaded, busy),
      ).filter(([first, ...others]) =>
        [first, ...(slowdowns[0] ? [] : others)].some((cell) => cell?.verdict === "regression"),
      ).length;
    // The figures of docs/regression-gate.md.
    expect(redGates(1500, times(4, 0))).toBe(27);
    expect(redGates(1500, times(4, 0), BUSY)).toBe(0);
    expect(redGates(100, [1, 0, 0, 0], BUSY)).toBe(84);
  });

  it("bounds the chance of a false alarm in a job by its construction: without floors, it is 5 % at most", () => {
    // A limit of almost nothing routes every other cell and takes away both floors' protection.
    const tiny = { ...DEFAULT_LIMITS, maxSlowdown: 1e-6 };
    const alarms = Array.from({ length: 300 }, (_, seed) =>
      simulateJob(times(12, 0), tiny, seed).some(({ verdict }) => verdict === "regression"),
    );
    // Two standard deviations of 300 draws with probability 5 %: 2.5 %.
    expect(alarms.filter(Boolean).length / 300).toBeLessThanOrEqual(0.075);
  });
});
