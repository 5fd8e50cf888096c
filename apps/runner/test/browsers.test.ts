import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { BROWSER_KINDS } from "@softmax-bench/host-browser";
import { describe, expect, it } from "vitest";
import { onlyRun, run, start, temporaryFolder } from "./support/cli.js";
import { childrenOf } from "./support/process.js";

const CELL = ["--profile", "smoke", "--workload", "cifar-head-16", "--no-provision"] as const;
const BACKENDS = ["tfjs-wasm", "tfjs-cpu", "onnxruntime-web", "jax-js", "wasm-simd"];

/** All processes that come of one. */
const descendantsOf = (pid: number): number[] => {
  try {
    return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
  } catch {
    return [];
  }
};

const commandOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
};

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe("a run in Node, Chromium and Firefox", () => {
  it("measures every backend in each, with the same bits where the instructions are the same", async () => {
    const out = temporaryFolder();
    const hosts = ["node", ...BROWSER_KINDS];
    const flags = ["--host", hosts.join(), "--backend", BACKENDS.join(), "--method", "manual/shifted"];
    const { code, stdout, stderr } = await run("bench", [
      ...flags,
      ...CELL,
      ...["--dtype", "float32", "--out", out],
    ]);
    expect(code, stderr).toBe(0);
    const { hosts: records, backends, cells } = onlyRun(out).results();
    expect(records).toMatchObject([
      { id: "chromium", status: "available", runtime: { version: expect.stringMatching(/^\d+\./) } },
      { id: "firefox", status: "available", runtime: { version: expect.stringMatching(/^\d+\./) } },
    ]);
    expect(cells.map(({ host = "node", backend, status }) => `${backend} ${host} ${status}`).sort()).toEqual(
      BACKENDS.flatMap((id) => hosts.map((host) => `${id} ${host} ok`)).sort(),
    );
    for (const { accuracy, gradientDigest } of cells) {
      expect(accuracy?.gradient.relL2).toBeLessThan(1e-6);
      expect(gradientDigest).toMatch(/^sha256:/);
    }
    for (const { coldStartNs = 0, threads } of backends) {
      expect(coldStartNs).toBeGreaterThan(50e6);
      expect(threads).toBeGreaterThan(0);
    }
    for (const id of ["onnxruntime-web", "jax-js"]) {
      const digests = cells.flatMap(({ backend, gradientDigest }) =>
        backend === id ? [gradientDigest] : [],
      );
      expect(new Set(digests).size, id).toBe(1);
    }
    expect(stdout).toMatch(/^Hosts$/m);
    expect(stdout).toMatch(/^wasm-simd +firefox +\d/m);
  }, 180_000);
});

describe("a browser that is killed", () => {
  it.each([
    ["Chromium's renderer", "chromium", "--type=renderer"],
    ["Chromium", "chromium", "--user-data-dir="],
    ["Firefox", "firefox", "--profile"],
  ])("%s costs one cell", { timeout: 180_000 }, async (_, host, flag) => {
    const out = temporaryFolder();
    const tmp = temporaryFolder();
    const running = start(
      ["bench", "--host", host, "--backend", "tfjs-cpu", "--dtype", "float32", ...CELL, "--out", out],
      { env: { TMPDIR: tmp } },
    );
    await running.says("[2/10]");
    const pids = descendantsOf(running.child.pid as number);
    const victim = pids.find((pid) => commandOf(pid).includes(flag));
    expect(victim, pids.map(commandOf).join("\n")).toBeDefined();
    process.kill(victim as number, "SIGKILL");
    const { code } = await running.ended;
    expect(code).toBe(1);
    const statuses = onlyRun(out)
      .results()
      .cells.map(({ status }) => status);
    expect(statuses).toHaveLength(10);
    expect(statuses.filter((status) => status !== "ok")).toEqual(["crashed"]);
    await untilGone(pids);
    expect(readdirSync(tmp)).toEqual([]);
  });

  it("with its parent leaves no process and no profile", { timeout: 60_000 }, async () => {
    const out = temporaryFolder();
    const tmp = temporaryFolder();
    const running = start(["bench", "--host", "chromium", "--backend", "tfjs-cpu", ...CELL, "--out", out], {
      env: { TMPDIR: tmp },
    });
    await running.says("[2/");
    const pids = descendantsOf(running.child.pid as number);
    running.child.kill("SIGKILL");
    await running.ended;
    await untilGone(pids);
    await expect.poll(() => readdirSync(tmp), { timeout: 10_000 }).toEqual([]);
  });
});

describe("a host without its browser", () => {
  it("costs its cells, each with the reason and what would help", async () => {
    const out = temporaryFolder();
    const { stdout } = await run(
      "bench",
      ["--host", "node,firefox", "--backend", "wasm-simd", "--method", "manual/fused", ...CELL, "--out", out],
      { env: { FIREFOX_PATH: "/nowhere/firefox" } },
    );
    const { hosts } = onlyRun(out).results();
    expect(hosts).toMatchObject([
      {
        id: "firefox",
        status: "unavailable",
        remedy: expect.stringContaining("apt-get install firefox-esr"),
      },
    ]);
    expect(stdout).toContain("/nowhere/firefox does not print the version of Firefox");
  });
});

async function untilGone(pids: readonly number[]): Promise<void> {
  for (let tries = 0; tries < 100 && pids.some(isAlive); tries++) await delay(100);
  expect(pids.filter(isAlive)).toEqual([]);
}
