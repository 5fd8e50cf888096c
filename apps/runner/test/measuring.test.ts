import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { cellKey, type Results } from "@softmax-bench/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MachineMonitor } from "../src/machine/machine-monitor.js";
import { sample } from "../src/measure/sample.js";
import { bench, MAIN, onlyRun, temporaryFolder } from "./support/cli.js";

const SELECTION = ["--backend", "wasm-simd,tfjs-cpu", "--workload", "16x10,8x100", "--dtype", "float32"];

describe("a run of several processes", () => {
  let results: Results;
  let out: string;
  beforeAll(() => {
    out = mkdtempSync(join(tmpdir(), "softmax-bench-measuring-"));
    const ran = spawnSync(process.execPath, [MAIN, "bench", ...SELECTION, "--time", "1s", "--out", out], {
      encoding: "utf8",
    });
    expect(ran.stderr).toContain("process 2 of each backend");
    expect(ran.status).toBe(0);
    results = onlyRun(out).results();
  }, 120_000);
  afterAll(() => rmSync(out, { recursive: true, force: true }));

  const measured = () => results.cells.filter(({ status }) => status === "ok");

  it("has one observation per process, and no interval from so few", () => {
    expect(measured().length).toBeGreaterThan(20);
    // Where times had settled in one of the two alone, that one counts.
    const inBoth = measured().flatMap(({ timing }) =>
      timing?.gradient?.scope === "processes" ? [timing.gradient] : [],
    );
    expect(inBoth.length).toBeGreaterThan(measured().length / 2);
    for (const timing of inBoth) {
      expect(timing.n).toBe(2);
      expect(timing.processMedians).toHaveLength(2);
      expect(timing).not.toHaveProperty("ci95Ns");
    }
    expect(results.run.processes).toBe(2);
  });

  it("says of every time whether it had settled", () => {
    for (const { timing } of measured()) {
      expect(["settled", "unsettled", "untested"]).toContain(timing?.gradient?.steadiness);
    }
  });

  it("measures its resolution on every backend, from processes and A/A pairs", () => {
    const places = results.resolution?.groups
      .filter(({ phase }) => phase === "gradient")
      .map(({ backend, workload, processes }) => `${backend} ${workload} ${processes}`);
    expect(places?.toSorted()).toEqual([
      "tfjs-cpu 16x10 2",
      "tfjs-cpu 8x100 2",
      "wasm-simd 16x10 2",
      "wasm-simd 8x100 2",
    ]);
    const { identicalPairs = [] } = results.resolution ?? {};
    expect(identicalPairs).toHaveLength(4);
    for (const { medianNs } of identicalPairs) expect(Math.min(...medianNs)).toBeGreaterThan(0);
  });

  it("batches fast calls into samples of a tenth of a millisecond", () => {
    const fast = measured().find(({ backend }) => backend === "wasm-simd")?.timing?.gradient;
    expect(Math.min(...(fast?.callsPerSample ?? []))).toBeGreaterThan(1);
    expect(fast?.medianNs).toBeLessThan(1e5);
  });

  it("records what else the machine did, before, during and after", () => {
    expect(results.noise?.before.spinNs).toBeGreaterThan(0);
    expect(results.noise?.during).toHaveLength(4);
    expect(results.noise?.after?.loadAverage).toBeGreaterThanOrEqual(0);
  });

  it("compares each pair of methods once, whatever their order", () => {
    const keys = results.distances.map(({ a, b, ...cell }) => `${cellKey({ ...cell, method: a })} ${b}`);
    // Five pairs on tfjs-cpu; wasm-simd has one method of each.
    expect(keys).toHaveLength(5 * 2);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe("the machine monitor", () => {
  it("sees what others compute, and not what it started itself", async () => {
    const monitor = new MachineMonitor();
    await delay(300);
    const before = (await monitor.observe()).otherCores ?? 0;
    const spinning = "const end = Date.now() + 1000; while (Date.now() < end);";
    await new Promise((resolve) => spawn(process.execPath, ["-e", spinning]).on("close", resolve));
    const own = await monitor.observe();
    expect(own.windowNs).toBeGreaterThan(1e9);
    // A child's second of work is this process tree's own; what else there is was there before.
    expect(own.otherCores).toBeLessThan(before + 0.7);
    expect(own.spinNs).toBeGreaterThan(1e4);
  });
});

describe("a busy machine", () => {
  it("keeps no baseline, unless that is insisted on", async () => {
    const busy = spawn(
      "setpriv",
      [
        "--pdeathsig",
        "KILL",
        "sh",
        "-c",
        // Not a child of the run: what that starts would be its own.
        "for core in 1 2 3 4; do while :; do :; done & done; wait",
      ],
      { detached: true },
    );
    try {
      const args = [
        "--profile",
        "smoke",
        "--backend",
        "wasm-simd",
        "--workload",
        "64x100",
        "--dtype",
        "float32",
        "--save-baseline",
        "main",
        "--out",
        temporaryFolder(),
      ];
      const refused = await bench(args);
      expect(refused.stderr).toMatch(/^The machine was busy: /m);
      expect(refused.stdout.split("\n")[2]).toMatch(/^The machine was busy: /);
      expect(refused.stderr).toMatch(/no baseline main is kept of a busy machine; .*--force/);
      expect(refused.code).toBe(1);
      const forced = await bench([...args, "--force"]);
      expect(forced.stderr).toMatch(/wrote .*baselines\/main\.json/);
      expect(forced.code).toBe(0);
    } finally {
      if (busy.pid) process.kill(-busy.pid, "SIGKILL");
    }
  });
});

describe("sampling", () => {
  const LIMITS = {
    settleNs: 2e9,
    patienceNs: 1e9,
    windowNs: 5e6,
    minSamples: 10,
    capNs: 1e8,
    floorSamples: 3,
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
    // Slow and flat for a second, in which another thread compiles; then twice as fast.
    let elapsedNs = 0;
    const { samples, settlingNs } = await simulate(
      (_, elapsed) => {
        elapsedNs = elapsed;
        return elapsed < 1e9 ? 1e5 : 5e4;
      },
      { backgroundNs: () => 0.7 * Math.min(elapsedNs, 1e9) },
    );
    expect(samples.toSorted((a, b) => a - b)[samples.length >> 1]).toBe(5e4);
    expect(settlingNs).toBeGreaterThan(9e8);
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
    const { samples, steadiness } = await simulate((_, elapsed) => (elapsed < 5e8 ? 7e5 : 4e5), {
      limits,
      isUndisturbed: (elapsed) => elapsed >= 5e8,
    });
    expect(steadiness).toBe("settled");
    expect(new Set(samples)).toEqual(new Set([4e5]));
  });

  it("does not wait for ever, and marks what was measured on a shared core", async () => {
    const { samples, steadiness, disturbedNs } = await simulate(() => 7e5, {
      isUndisturbed: () => false,
    });
    expect(steadiness).toBe("unsettled");
    expect(new Set(samples)).toEqual(new Set([7e5]));
    expect(disturbedNs).toBeLessThan(1.1e9);
  });

  it("does without that knowledge where the system has none", async () => {
    const { steadiness } = await simulate(() => 1e6, { backgroundNs: () => undefined });
    expect(steadiness).toBe("settled");
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
});
