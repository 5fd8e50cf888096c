import { describe, expect, it } from "vitest";
import { sample, sampleParts } from "../src/sample.js";

describe("sampling", () => {
  const LIMITS = {
    warmUpNs: 0,
    settleNs: 5e8,
    patienceNs: 2.5e8,
    windowNs: 5e6,
    minSamples: 10,
    mostWindowNs: 1e8,
    fewestSamples: 3,
    maxSamples: 400,
    batchNs: 1e5,
  };

  /** Samples simulated work: `callNs` says how long a call takes, going by how many there were and the time since the first. */
  function simulate(
    callNs: (calls: number, elapsedNs: number) => number,
    {
      limits = LIMITS,
      backgroundNs = () => 0 as number | undefined,
      isUndisturbed = (_elapsedNs: number): boolean => true,
      history = { sampledNs: 0 },
    } = {},
  ) {
    let [time, calls] = [0, 0];
    const work = async () => {
      time += callNs(calls++, time);
    };
    return sample(work, limits, {
      now: () => time,
      backgroundNs: () => backgroundNs(),
      isUndisturbed: () => isUndisturbed(time),
      arrayBytes: () => 0,
      collectGarbage: undefined,
      history,
    });
  }

  it("waits until times have stopped falling", async () => {
    const { samples, steadiness, settlingNs } = await simulate(
      (_, elapsed) => 4e5 * (1 + 3 * Math.exp(-elapsed / 2e7)),
    );
    expect(steadiness).toBe("settled");
    expect(Math.max(...samples)).toBeLessThan(1.02 * 4e5);
    expect(settlingNs).toBeGreaterThan(8e7);
  });

  it("takes what is steady at once", async () => {
    const { samples, settlingNs } = await simulate(() => 4e5);
    expect(samples).toEqual(new Array(2 * 13).fill(4e5));
    expect(settlingNs).toBe(2 * 4e5);
  });

  it("marks what never settles within its time, though a window by itself looks flat", async () => {
    const { steadiness } = await simulate((_, elapsed) => 1e6 / (1 + elapsed / 2e8));
    expect(steadiness).toBe("unsettled");
  });

  it("does not take a plateau for the end while code is still being optimised", async () => {
    // Slow and flat for a quarter of a second, in which another thread compiles; then twice as fast.
    let elapsedNs = 0;
    const { samples, settlingNs } = await simulate(
      (_, elapsed) => {
        elapsedNs = elapsed;
        return elapsed < 2.5e8 ? 1e5 : 5e4;
      },
      { backgroundNs: () => 0.7 * Math.min(elapsedNs, 2.5e8) },
    );
    expect(samples.toSorted((a, b) => a - b)[samples.length >> 1]).toBe(5e4);
    expect(settlingNs).toBeGreaterThan(2.2e8);
  });

  it("leaves out what is measured while somebody else uses the core", async () => {
    const isNeighbourBusy = (elapsed: number) => elapsed % 1e8 > 4e7;
    const { samples, steadiness, disturbedNs, windowsNs } = await simulate(
      (_, elapsed) => (isNeighbourBusy(elapsed) ? 7e5 : 4e5),
      { isUndisturbed: (elapsed) => !isNeighbourBusy(elapsed) },
    );
    expect(steadiness).toBe("settled");
    expect(samples.filter((one) => one === 4e5).length).toBeGreaterThan(0.9 * samples.length);
    expect(disturbedNs).toBeLessThan(windowsNs);
  });

  it("waits for an undisturbed core, in addition to the time for settling", async () => {
    const limits = { ...LIMITS, settleNs: 1e8 };
    const { samples, steadiness } = await simulate((_, elapsed) => (elapsed < 2e8 ? 7e5 : 4e5), {
      limits,
      isUndisturbed: (elapsed) => elapsed >= 2e8,
    });
    expect(steadiness).toBe("settled");
    expect(new Set(samples)).toEqual(new Set([4e5]));
  });

  it("lets a process warm up in its first phase, in addition to the time for settling", async () => {
    // Slow and flat at first, as code of a runtime that is called often enough only later.
    const callNs = (_: number, elapsed: number) => (elapsed < 9e8 ? 2e5 : 1e5);
    const limits = { ...LIMITS, warmUpNs: 1e9, settleNs: 5e8 };
    const history = { sampledNs: 0 };
    const first = await simulate(callNs, { limits, history });
    expect(first.steadiness).toBe("settled");
    expect(new Set(first.samples)).toEqual(new Set([1e5]));
    expect(history.sampledNs).toBe(first.windowsNs);
    expect((await simulate(() => 1e5, { limits, history })).windowsNs).toBeLessThan(1e8);
  });

  it("warms up on disturbed cores, too, and waits for undisturbed ones after that", async () => {
    const limits = { ...LIMITS, warmUpNs: 1e9, patienceNs: 1e8 };
    const isUndisturbed = (elapsed: number) => elapsed > 4e8 && elapsed % 1e8 > 1e7;
    const callNs = (_: number, elapsed: number) => (elapsed < 4e8 ? 2e5 : 1e5);
    const some = await simulate(callNs, { limits, isUndisturbed });
    expect(some.steadiness).toBe("settled");
    expect(new Set(some.samples)).toEqual(new Set([1e5]));
    const none = await simulate(callNs, { limits, isUndisturbed: () => false });
    expect(none.steadiness).toBe("unsettled");
    expect(none.windowsNs).toBeGreaterThan(1e9);
    expect(none.windowsNs).toBeLessThan(1.2e9);
  });

  it("does not wait for ever, and marks what was measured on a shared core", async () => {
    const { samples, steadiness, disturbedNs } = await simulate(() => 7e5, {
      isUndisturbed: () => false,
    });
    expect(steadiness).toBe("unsettled");
    expect(new Set(samples)).toEqual(new Set([7e5]));
    expect(disturbedNs).toBeLessThan(2.7e8);
  });

  it("calls no slow work untestable for cores that were disturbed", async () => {
    // A window of 25 ms calls is longer than the patience for disturbances.
    const limits = { ...LIMITS, minSamples: 5, settleNs: 1e9, patienceNs: 1e8 };
    const disturbed = { limits, isUndisturbed: () => false };
    expect((await simulate(() => 2.5e7, disturbed)).steadiness).toBe("unsettled");
    expect((await simulate(() => 2.5e7, { limits })).steadiness).toBe("settled");
    expect((await simulate(() => 1.5e8, disturbed)).steadiness).toBe("untested");
  });

  it("waits for half of the time where nobody can tell whether code is still being optimised", async () => {
    // As in a browser: slow and flat in the first tier, then thirty times as fast.
    const { samples, steadiness, settlingNs } = await simulate((_, elapsed) => (elapsed < 2e8 ? 3e6 : 1e5), {
      backgroundNs: () => undefined,
    });
    expect(steadiness).toBe("settled");
    expect(new Set(samples)).toEqual(new Set([1e5]));
    expect(settlingNs).toBeGreaterThan(LIMITS.settleNs / 2);
  });

  it("has samples though the last window, of another size, was disturbed", async () => {
    const { samples, callsPerSample } = await simulate((calls) => (calls < 4 ? 1.5e5 : 6e4), {
      limits: { ...LIMITS, settleNs: 1e8, patienceNs: 0 },
      isUndisturbed: (elapsed) => elapsed < 6e6,
    });
    expect(samples.length).toBeGreaterThan(0);
    expect(callsPerSample).toBe(1);
  });

  it("lets calls of 40 ms settle where nobody can tell, too", async () => {
    const limits = { ...LIMITS, settleNs: 1e9, minSamples: 5, mostWindowNs: 2e8 };
    const { steadiness } = await simulate(() => 4e7, { limits, backgroundNs: () => undefined });
    expect(steadiness).toBe("settled");
  });

  it("chooses new windows when calls have become fast", async () => {
    const { samples, callsPerSample } = await simulate((_, elapsed) => (elapsed < 0.3e9 ? 5e7 : 1e4));
    expect(callsPerSample).toBe(10);
    for (const time of samples) expect(time).toBeCloseTo(1e4, -3);
  });

  it("does not claim that a few slow calls have settled", async () => {
    const { samples, steadiness } = await simulate(() => 6e7, { limits: { ...LIMITS, settleNs: 1e8 } });
    expect(samples.length).toBeLessThan(10);
    expect(steadiness).toBe("untested");
  });

  it("takes the mean of as many fast calls as fill a tenth of a millisecond", async () => {
    const { samples, callsPerSample } = await simulate((calls) => (calls % 2 ? 8e3 : 1.2e4), {
      limits: { ...LIMITS, settleNs: 0 },
    });
    expect(callsPerSample).toBe(13);
    for (const time of samples) expect(time).toBeCloseTo(1e4, -3);
  });

  it("has parts of each call, where all of it takes less than a step of the clock", async () => {
    // The clock of a page that is not isolated.
    const stepNs = 1e5;
    let time = 0;
    const work = async () => {
      time += 3e3;
      return { readback: 0 };
    };
    const { parts } = await sampleParts(
      work,
      { ...LIMITS, settleNs: 1e8 },
      {
        now: () => Math.floor(time / stepNs) * stepNs,
        clockStepNs: stepNs,
        backgroundNs: () => undefined,
        isUndisturbed: () => true,
        history: { sampledNs: 0 },
        arrayBytes: () => undefined,
        collectGarbage: undefined,
      },
    );
    expect(parts.readback?.length).toBeGreaterThanOrEqual(LIMITS.minSamples);
  });
});
