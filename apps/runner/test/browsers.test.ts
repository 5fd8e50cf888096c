import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BROWSER_KINDS } from "@softmax-bench/host-browser";
import { describe, expect, it } from "vitest";
import { onlyRun, run, start, temporaryFolder } from "./support/cli.js";
import { commandOf, descendantsOf, isRunning } from "./support/process.js";

const CELL = ["--profile", "smoke", "--workload", "cifar-head-16", "--no-provision"] as const;
/** Three cells of about half a second each. */
const LARGE = [
  ...["--profile", "smoke", "--workload", "200x1000", "--dtype", "float32", "--no-provision"],
  ...["--method", "manual/shifted,manual/fused,autograd/shifted"],
];
/** Backends that compute the same bits in every host, and others. */
const [SAME_BITS, OTHERS] = [
  ["onnxruntime-web", "jax-js"],
  ["tfjs-wasm", "tfjs-cpu", "wasm-simd"],
];

describe("a run in Node, Chromium and Firefox", () => {
  const expectMeasured = async (backends: readonly string[]) => {
    const out = temporaryFolder();
    const hosts = ["node", ...BROWSER_KINDS];
    const flags = ["--host", hosts.join(), "--backend", backends.join(), "--method", "manual/shifted"];
    const { code, stdout, stderr } = await run("bench", [
      ...flags,
      ...CELL,
      ...["--dtype", "float32", "--out", out],
    ]);
    expect(code, stderr).toBe(0);
    const { hosts: records, backends: opened, cells } = onlyRun(out).results();
    expect(records).toMatchObject([
      { id: "chromium", status: "available", runtime: { version: expect.stringMatching(/^\d+\./) } },
      { id: "firefox", status: "available", runtime: { version: expect.stringMatching(/^\d+\./) } },
    ]);
    expect(cells.map(({ host = "node", backend, status }) => `${backend} ${host} ${status}`).sort()).toEqual(
      backends.flatMap((id) => hosts.map((host) => `${id} ${host} ok`)).sort(),
    );
    for (const { accuracy, gradientDigest } of cells) {
      expect(accuracy?.gradient.relL2).toBeLessThan(1e-6);
      expect(gradientDigest).toMatch(/^sha256:/);
    }
    for (const { host, coldStartNs = 0, downloadBytes, threads } of opened) {
      expect(coldStartNs).toBeGreaterThan(50e6);
      // The page's own code, at the least; a process fetches nothing.
      if (host === undefined) expect(downloadBytes).toBeUndefined();
      else expect(downloadBytes).toBeGreaterThan(20_000);
      expect(threads).toBeGreaterThan(0);
    }
    for (const id of SAME_BITS.filter((one) => backends.includes(one))) {
      const digests = cells.flatMap(({ backend, gradientDigest }) =>
        backend === id ? [gradientDigest] : [],
      );
      expect(new Set(digests).size, id).toBe(1);
    }
    expect(stdout).toMatch(/^Hosts$/m);
    expect(stdout.replaceAll(/\s+/g, " ")).toContain("Browsers were started while others were measured");
    expect(stdout).toMatch(new RegExp(`^${backends.at(-1)} +firefox +\\d`, "m"));
  };
  const claim = "measures %j in each, with the same bits where the instructions are the same";
  it.each([[["jax-js"]]])(claim, expectMeasured);
  it.each([[[...SAME_BITS, ...OTHERS]]])(claim, { tags: "nightly" }, expectMeasured);
});

describe("pnpm try in pages", () => {
  it("gives the bits that Node gives, and a folder for each host", { tags: "nightly" }, async () => {
    const out = temporaryFolder();
    const { code, stdout, stderr } = await run("gradient", [
      ...["--host", "node,chromium", "--backend", "tfjs-cpu", "--method", "manual/shifted"],
      ...["--logits", "[[1, 2, 3], [-4, 0, 0.5]]", "--labels", "[2, 0]", "--out", out],
    ]);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^tfjs-cpu@chromium +manual\/shifted /m);
    const gradient = (place: string) => readFileSync(join(out, place, "manual", "shifted", "gradient.npy"));
    expect(gradient("tfjs-cpu@chromium").equals(gradient("tfjs-cpu"))).toBe(true);
  });
});

describe("pnpm study depth in pages", () => {
  it("compares and trains networks on the backends that can", { tags: "nightly" }, async () => {
    const out = temporaryFolder();
    const size = ["--depths", "2", "--batch", "2", "--seeds", "1"];
    const small = [...size, "--dtype", "float32", "--train", "2"];
    const { code, stderr } = await run("depth", [
      ...["--host", "chromium", "--backend", "tfjs-wasm,wasm-simd", ...small, "--out", out],
    ]);
    expect(code, stderr).toBe(0);
    const { networks = [] } = onlyRun(out).results().depth ?? {};
    expect(networks).toMatchObject([
      { backend: "tfjs-wasm", host: "chromium", status: "ok", step: {}, training: {} },
      { backend: "wasm-simd", host: "chromium", status: "unsupported", reason: expect.any(String) },
    ]);
    expect(networks[0]?.whole?.error?.autograd.median).toBeLessThan(1e-5);
  });
});

describe("a browser that is killed", () => {
  const expectOneLost = async (_: string, host: string, flag: string, status = "crashed") => {
    const out = temporaryFolder();
    const tmp = temporaryFolder();
    const running = start(["bench", "--host", host, "--backend", "tfjs-cpu", ...LARGE, "--out", out], {
      env: { TMPDIR: tmp },
    });
    await running.says("[2/3]");
    const pids = descendantsOf(running.child.pid as number);
    // A shell guards the browser, and has its flags, too.
    const victims = pids.filter((pid) => commandOf(pid).includes(flag) && !commandOf(pid).startsWith("sh "));
    expect(victims, pids.map(commandOf).join("\n")).not.toEqual([]);
    for (const pid of victims) process.kill(pid, "SIGKILL");
    const { code } = await running.ended;
    expect(code).toBe(1);
    const statuses = onlyRun(out)
      .results()
      .cells.map(({ status }) => status);
    expect(statuses).toHaveLength(3);
    expect(statuses.filter((status) => status !== "ok")).toEqual([status]);
    await expect.poll(() => pids.filter(isRunning)).toEqual([]);
    await expect.poll(() => readdirSync(tmp)).toEqual([]);
  };
  const claim = "%s costs one cell";
  // Not while the second half of an A/A pair is measured, which would not be missed.
  it.each([["Chromium's renderer", "chromium", "--type=renderer"]])(claim, expectOneLost);
  it.each([
    ["Firefox", "firefox", "--profile /"],
    ["Chromium", "chromium", "--user-data-dir="],
    // Firefox keeps the connection of such a page: it is missed after 20 s, and a cell of this profile has 10.
    ["Firefox's page", "firefox", "-isForBrowser", "timeout"],
  ])(claim, { tags: "nightly" }, expectOneLost);

  it("with its parent leaves no process and no profile", async () => {
    const out = temporaryFolder();
    const tmp = temporaryFolder();
    const running = start(["bench", "--host", "chromium", "--backend", "tfjs-cpu", ...CELL, "--out", out], {
      env: { TMPDIR: tmp },
    });
    await running.says("[2/");
    const pids = descendantsOf(running.child.pid as number);
    running.child.kill("SIGKILL");
    await running.ended;
    await expect.poll(() => pids.filter(isRunning)).toEqual([]);
    await expect.poll(() => readdirSync(tmp)).toEqual([]);
  });
});

describe("a host without its browser", () => {
  it("is one of another version than the one that was asked for", async () => {
    const args = ["--host", "firefox@9", "--backend", "tfjs-cpu", "--method", "manual/fused", ...CELL];
    const out = temporaryFolder();
    expect((await run("bench", [...args, "--out", out])).code).toBe(1);
    const [host] = onlyRun(out).results().hosts ?? [];
    expect(host).toMatchObject({ id: "firefox@9", status: "unavailable" });
    expect(host?.reason).toMatch(/ is .*Firefox \d+\S*, not 9$/);
  });

  it("is wrong usage by a path that leads to none", async () => {
    const { code, stderr } = await run("bench", ["--list", "--host", "chromium=/nowhere", ...CELL]);
    expect(stderr).toContain("/nowhere does not print the version of Chromium");
    expect(stderr).toContain("name the program of Chromium: --host chromium=/path/to/chromium");
    expect(code).toBe(2);
  });

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
