import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { LastingProgramsMonitor, lastingTicks } from "../dist/gate/lasting-programs.js";
import { BusyCore } from "../dist/gate/validation/curve/busy-core.js";
import type { ProcessTime } from "../dist/run/machine/processes.js";

const OWN = 100;
const processOf = (pid: number, parent: number, ticks: number, ofChildren = 0, start = 1): ProcessTime => ({
  pid,
  parent,
  start,
  ticks,
  ofChildren,
});
/** The first of all processes, a shell that has started this program, and this program. */
const usual = [processOf(1, 0, 10), processOf(50, 1, 10), processOf(OWN, 50, 10)];
const ticks = (before: readonly ProcessTime[], after: readonly ProcessTime[]) =>
  lastingTicks([...usual, ...before], [...usual, ...after], OWN);

describe("the time of programs beside a browser", () => {
  it("is that of programs that were there before, and of children that they waited for", () => {
    expect(ticks([processOf(7, 1, 5)], [processOf(7, 1, 25)])).toBe(20);
    expect(ticks([processOf(7, 1, 5, 100)], [processOf(7, 1, 6, 130)])).toBe(31);
  });

  it("is not that of this program and its processes, also where their parents have ended", () => {
    const [browser, page] = [processOf(101, OWN, 1), processOf(102, 101, 1)];
    expect(ticks([browser], [processOf(101, OWN, 90), page])).toBe(0);
    expect(ticks([], [processOf(102, 1, 500)])).toBe(0);
    // The first of all processes, or the shell, has waited for them.
    const after = [processOf(1, 0, 10, 700), processOf(50, 1, 10, 300), processOf(OWN, 50, 10, 900)];
    expect(lastingTicks(usual, after, OWN)).toBe(0);
  });

  it("is not what a program computed before that has ended since", () => {
    const before = [processOf(7, 1, 5), processOf(8, 7, 1000)];
    expect(ticks(before, [processOf(7, 1, 5, 1020)])).toBe(20);
  });

  it("loses nothing of others where a program ends that nobody is charged with", () => {
    const [worker, ending] = [processOf(7, 1, 5), processOf(8, 1, 1000)];
    const after = [
      processOf(1, 0, 10, 1000),
      processOf(50, 1, 10),
      processOf(OWN, 50, 10),
      processOf(7, 1, 505),
    ];
    expect(lastingTicks([...usual, worker, ending], after, OWN)).toBe(500);
    // Its parent has ended with it.
    expect(ticks([worker, processOf(8, 1, 1), processOf(9, 8, 1000)], [processOf(7, 1, 505)])).toBe(500);
  });

  it("is not that of a later process with the same id", () => {
    expect(ticks([processOf(7, 1, 0, 0, 1)], [processOf(7, 1, 400, 0, 2)])).toBe(0);
  });

  it("is a core of a program that computes all the time", { tags: "nightly" }, async () => {
    using load = new BusyCore();
    expect(load.pid).toBeGreaterThan(0);
    const monitor = new LastingProgramsMonitor();
    await monitor.begin();
    await delay(2000);
    const { otherCores = 0 } = await monitor.observe();
    expect(otherCores).toBeGreaterThan(0.5);
  });
});
