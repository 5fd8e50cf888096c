import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { cellKey, type Results } from "@softmax-bench/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PROFILES, toSampling } from "../dist/plan/profiles.js";
import { MachineMonitor } from "../dist/run/machine/machine-monitor.js";
import { bench, call, MAIN, onlyRun, temporaryFolder } from "./support/cli.js";

const SELECTION = [
  ...["--backend", "wasm-simd,tfjs-cpu", "--workload", "16x10", "--dtype", "float32,float64"],
  ...["--method", "*/naive,manual/fused"],
];

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
  });
  afterAll(() => rmSync(out, { recursive: true, force: true }));

  const measured = () => results.cells.filter(({ status }) => status === "ok");

  it("has one observation per process, and no interval from so few", () => {
    expect(measured()).toHaveLength(3 + 2);
    for (const { timing } of measured()) {
      // Where times had settled in one of the two alone, as on a busy machine, that one counts.
      const { scope, n, processMedians, samples } = timing?.gradient ?? {};
      expect(n).toBe(scope === "processes" ? 2 : samples?.length);
      expect(processMedians?.length).toBe(scope === "processes" ? 2 : undefined);
      if (scope === "processes") expect(timing?.gradient).not.toHaveProperty("ci95Ns");
    }
    // Of those that can run, which are fewer than half here.
    expect(results.cells).toHaveLength(2 * 2 * 3);
    expect(results.run.processes).toBe(2);
  });

  it("measures a cell twice in each process, both times what tables rank, and further times the gradient alone", () => {
    const lines = readFileSync(onlyRun(out).journal, "utf8").trim().split("\n");
    const own = lines
      .map((line) => JSON.parse(line))
      .filter(({ type, twin, ...cell }) => {
        return type === "cell" && !twin && cellKey(cell) === "tfjs-cpu manual/naive float32 16x10";
      });
    const regular = own.filter(({ pass }) => pass < 2);
    expect(regular.map(({ round, pass }) => `${round} ${pass}`)).toEqual(["0 0", "0 1", "1 0", "1 1"]);
    for (const { round, pass, samples } of own) {
      expect(samples.gradient.length).toBeGreaterThan(0);
      expect(samples.roundtrip.length > 0).toBe(pass < 2);
      expect(samples.forward.length > 0).toBe(round === 0 && pass === 0);
    }
  });

  it("says of every time whether it had settled", () => {
    for (const { timing } of measured()) {
      expect(["settled", "unsettled", "untested"]).toContain(timing?.gradient?.steadiness);
    }
  });

  it("measures its resolution on every backend, from processes and A/A pairs", () => {
    const places = results.resolution?.groups
      .filter(({ phase }) => phase === "gradient")
      .map(({ backend, workload }) => `${backend} ${workload}`);
    expect(places?.toSorted()).toEqual(["tfjs-cpu 16x10", "wasm-simd 16x10"]);
    const { identicalPairs = [] } = results.resolution ?? {};
    expect(identicalPairs).toHaveLength(3);
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

  /** A copy of the run without some lines of its journal, continued. @returns the states of the machine before and after */
  async function continued(isLost: (entry: { type: string; round: number; backend: string }) => boolean) {
    const copy = temporaryFolder();
    cpSync(out, copy, { recursive: true });
    const { id, journal } = onlyRun(copy);
    const lines = () => readFileSync(journal, "utf8").trimEnd().split("\n");
    const count = (wanted: string) => lines().filter((line) => JSON.parse(line).type === wanted).length;
    const states = () => count("machine");
    const kept = lines().filter((line) => !isLost(JSON.parse(line)));
    writeFileSync(journal, `${kept.join("\n")}\n`);
    const before = states();
    const cells = count("cell");
    const { code } = await call("bench", ["--resume", id, "--out", copy]);
    const measured = count("cell") - cells;
    return { code, before, after: states(), measured, noise: onlyRun(copy).results().noise };
  }

  it("records it of a continued run, too, whose first process was done", async () => {
    const { code, before, after, noise } = await continued(
      ({ type, round, backend }) => type === "cell" && round === 1 && backend === "wasm-simd",
    );
    expect(code).toBe(0);
    // Before, after, and beside each of two backends in each of two processes.
    expect(after - before).toBe(2 + 2 * 2);
    expect(noise?.during.length).toBe(after - 2);
  });

  it("records nothing more of one that was complete", async () => {
    const { code, before, after, measured } = await continued(() => false);
    expect(code).toBe(0);
    // In the light of the whole run, cores may have been disturbed: such a cell is measured once more.
    if (measured === 0) expect(after).toBe(before);
  });

  it("compares a pair of methods once, whatever their order", () => {
    expect(results.distances.map(({ a, b, ...cell }) => `${cellKey({ ...cell, method: a })} ${b}`)).toEqual([
      "tfjs-cpu manual/naive float32 16x10 autograd/naive",
    ]);
  });
});

describe("a profile", () => {
  it.each(Object.values(PROFILES).filter(({ untimed }) => !untimed))(
    "$id reaches a worker as it is",
    (profile) => {
      for (const phases of ["all", "ranked", "gradient"] as const) {
        const sampling = toSampling(profile, phases, {});
        expect(JSON.parse(JSON.stringify(sampling))).toEqual(sampling);
      }
    },
  );
});

// How much others compute may change at any time while other tests run.
describe("the machine monitor", { tags: "nightly" }, () => {
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

  it("knows the processes of a program that does not wait for them, as a browser does not", async () => {
    const monitor = new MachineMonitor();
    await delay(300);
    const before = (await monitor.observe()).otherCores ?? 0;
    const spinning =
      "setTimeout(() => process.exit(), 3000); const end = Date.now() + 1500; while (Date.now() < end);";
    await monitor.begin();
    const program = spawn("sh", ["-c", `"$0" -e '${spinning}' & exec sleep 4`, process.execPath]);
    await delay(1500);
    const own = await monitor.observe();
    program.kill();
    expect(own.otherCores).toBeLessThan(before + 0.5);
  });
});

describe("a window of the machine monitor", () => {
  it("begins when what the last one measured has ended", async () => {
    const monitor = new MachineMonitor();
    // It takes a moment to end.
    const script = "trap 'sleep 0.4; exit' TERM; echo; sleep 9 & wait";
    const program = spawn("sh", ["-c", script], { detached: true });
    await once(program.stdout, "data");
    program.kill();
    const asked = performance.now();
    await monitor.begin();
    expect(performance.now() - asked).toBeGreaterThan(200);
  });
});

describe("a busy machine", () => {
  it("keeps no baseline, unless that is insisted on", { tags: "nightly" }, async () => {
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
      expect(refused.stderr).toMatch(/baseline main was not saved: the machine was busy\. .*--force/);
      expect(refused.code).toBe(1);
      const forced = await bench([...args, "--force"]);
      expect(forced.stderr).toMatch(/wrote .*baselines\/main\.json/);
      expect(forced.code).toBe(0);
    } finally {
      if (busy.pid) process.kill(-busy.pid, "SIGKILL");
    }
  });
});
