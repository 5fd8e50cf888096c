import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { GRAPH_METHODS } from "@softmax-bench/core";
import { describe, expect, it } from "vitest";
import { bench, call, onlyRun, start, temporaryFolder, workersOf } from "../support/cli.js";
import { cellLines, HANGS_IN_FOURTH, isAlive, TINY, TINY_CELLS, withFault } from "./support.js";

describe("a run that is stopped", () => {
  const expectKept = async (signal: NodeJS.Signals) => {
    const out = temporaryFolder();
    const running = start(["bench", ...TINY, "--out", out], { env: HANGS_IN_FOURTH.env });
    await running.says(HANGS_IN_FOURTH.after);
    running.child.kill(signal);
    const { code, stderr } = await running.ended;
    const run = onlyRun(out);
    const before = cellLines(run.journal);
    expect(code).toBe(130);
    expect(stderr).toContain(`continue with: pnpm bench --resume ${run.id}`);
    expect(run.results().run).toMatchObject({ status: "interrupted", cellsPlanned: GRAPH_METHODS.length });
    expect(run.results().cells).toHaveLength(before.length);
    const outcomes = before
      .map((line) => JSON.parse(line))
      .map(({ status, reason = "" }) => [status, reason]);
    expect(outcomes).toEqual(Array(3).fill(["ok", ""]));

    const resumed = await call("bench", ["--resume", run.id, "--out", out]);
    const after = cellLines(run.journal);
    expect(resumed.code).toBe(0);
    expect(resumed.stderr).not.toContain("ended by force");
    expect(after.slice(0, before.length)).toEqual(before);
    expect(after).toHaveLength(GRAPH_METHODS.length);
    expect(run.results().run.status).toBe("complete");
    expect(run.results().distances).toHaveLength(5);
  };
  const claim = "by %s keeps what it has, and --resume measures the rest";
  it.each(["SIGTERM"] as const)(claim, expectKept);
  it.each(["SIGINT"] as const)(claim, { tags: "nightly" }, expectKept);

  it("when its last cell has been measured is stopped all the same, and keeps no baseline", async () => {
    const out = temporaryFolder();
    const args = [
      ...TINY_CELLS,
      "--method",
      "manual/fused",
      "--save-baseline",
      "main",
      "--force",
      "--out",
      out,
    ];
    const running = start(["bench", ...args]);
    // The machine is then watched for another 0.1 s.
    await running.says("[1/1]");
    running.child.kill("SIGTERM");
    const { code, stderr } = await running.ended;
    expect(onlyRun(out).results().run.status).toBe("complete");
    expect(stderr).toContain("stopped after 1 process of each cell; continue with: pnpm bench --resume ");
    expect(stderr).not.toContain("baseline");
    expect(existsSync(join(out, "baselines"))).toBe(false);
    expect(code).toBe(130);
  });

  it("by SIGTERM to all of its processes blames no cell", { tags: "nightly" }, async () => {
    const out = temporaryFolder();
    const running = start(["bench", ...TINY, "--out", out], { env: HANGS_IN_FOURTH.env, ownGroup: true });
    await running.says(HANGS_IN_FOURTH.after);
    await sleep(50);
    process.kill(-(running.child.pid as number), "SIGTERM");
    const { code } = await running.ended;
    expect(code).toBe(130);
    const statuses = onlyRun(out)
      .results()
      .cells.map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set(["ok"]));
  });

  // What CI systems and containers give a job that they cancel, before SIGKILL.
  const expectSoon = async (_: string, moment: string, fault: string) => {
    const out = temporaryFolder();
    const large = [...TINY.slice(0, 2), "--backend", "onnxruntime-cpu", "--dtype", "float64"];
    const args = fault ? TINY : [...large, "--workload", "2000x2000", "--no-provision"];
    const running = start(["bench", ...args, "--out", out], { env: fault ? withFault(fault) : {} });
    await running.says(moment);
    await expect.poll(() => workersOf(running)).not.toEqual([]);
    await sleep(100);
    const workers = workersOf(running);
    const begun = performance.now();
    running.child.kill("SIGTERM");
    const { code, stderr } = await running.ended;
    expect(performance.now() - begun).toBeLessThan(5000);
    expect(code).toBe(130);
    expect(stderr).toContain("stopped; continue with: pnpm bench --resume ");
    expect(onlyRun(out).results().run.status).toBe("interrupted");
    await expect.poll(() => workers.filter(isAlive)).toEqual([]);
  };
  it.each([
    ["while a worker spins", "[1/10]", "spin"],
    ["while its backend starts", "results in", "hang"],
    ["in the middle of large gradients", "[4/10]", ""],
  ])("by SIGTERM %s has written results and report within 5 s", { tags: "nightly" }, expectSoon);
});

describe("a run whose process ends by Node's memory limit", () => {
  it("has every finished cell, says so when it is continued, and ends as any other", {
    tags: "nightly",
  }, async () => {
    const out = temporaryFolder();
    const flags = "--max-old-space-size=100";
    const { code, stderr } = await bench([...TINY, "--out", out], {
      env: withFault("parent fills its heap", { flags }),
    });
    expect(code).not.toBe(0);
    expect(stderr).toContain("JavaScript heap out of memory");
    const run = onlyRun(out);
    const before = cellLines(run.journal);
    expect(before.length).toBeGreaterThanOrEqual(2);

    const resumed = await bench(["--resume", run.id, "--out", out]);
    expect(resumed.code).toBe(0);
    expect(resumed.stderr).toContain(`ended by force after ${before.length} results: killed, out of memory`);
    expect(cellLines(run.journal).slice(0, before.length)).toEqual(before);
    expect(run.results().cells).toHaveLength(GRAPH_METHODS.length);
  });
});
