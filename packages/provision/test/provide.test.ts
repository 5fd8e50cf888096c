import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Unavailable } from "@softmax-bench/core";
import { inspect, type ProvideOptions, provision, type Recipe } from "@softmax-bench/provision";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

let cache = "";
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), "provision-test-"));
  vi.stubEnv("SOFTMAX_BENCH_CACHE", cache);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true, force: true });
});

const part = join("part-1.0", "library.so");

function recipeOf(build: Recipe["build"]): Recipe {
  return { name: "part-1.0", space: 1e3, build };
}

const library = recipeOf(async (folder) => writeFileSync(join(folder, "library.so"), "made"));

const options = (changes: Partial<ProvideOptions> = {}): ProvideOptions => ({
  progress: () => {},
  signal: new AbortController().signal,
  ...changes,
});

describe("provision", () => {
  it("makes a part once, whole", async () => {
    const build = vi.fn(library.build);
    for (let time = 0; time < 2; time++) {
      expect(await provision(recipeOf(build), options())).toEqual({ available: true });
    }
    expect(build).toHaveBeenCalledTimes(1);
    expect(await inspect("part-1.0")).toMatchObject({ state: "complete" });
    expect(readdirSync(cache)).toEqual(["part-1.0"]);
  });

  it("asks for consent to the cost, before anything is written, and only if the part is missing", async () => {
    const cost = { title: "A library", downloadBytes: 274e6, buildSeconds: 45 };
    const recipe = { ...library, cost };
    const refuse = vi.fn(async () => false);
    expect(await provision(recipe, options({ confirm: refuse }))).toEqual({
      available: false,
      reason: "A library (274 MB, about 2 min) must be fetched or built, and nobody agreed to that",
      remedy: "agree with --yes, or SOFTMAX_BENCH_YES=1",
    });
    expect(refuse).toHaveBeenCalledExactlyOnceWith({ name: "part-1.0", ...cost });
    expect(readdirSync(cache)).toEqual([]);
    const agree = vi.fn(async () => true);
    for (let time = 0; time < 2; time++) {
      expect(await provision(recipe, options({ confirm: agree }))).toEqual({ available: true });
    }
    expect(agree).toHaveBeenCalledTimes(1);
  });

  it("asks nobody about a part without a cost", async () => {
    const confirm = vi.fn(async () => false);
    expect(await provision(library, options({ confirm }))).toEqual({ available: true });
    expect(confirm).not.toHaveBeenCalled();
  });

  it("leaves nothing behind when making it fails", async () => {
    const failing = recipeOf(async (folder) => {
      writeFileSync(join(folder, "half"), "");
      throw new Unavailable("there is no compiler", "install one");
    });
    expect(await provision(failing, options())).toEqual({
      available: false,
      reason: "there is no compiler",
      remedy: "install one",
    });
    expect(readdirSync(cache)).toEqual([]);
  });

  it("leaves nothing behind when it is stopped", async () => {
    const stop = new AbortController();
    const stopped = recipeOf(async (folder, { signal }) => {
      writeFileSync(join(folder, "half"), "");
      stop.abort();
      signal.throwIfAborted();
    });
    expect(await provision(stopped, options({ signal: stop.signal }))).toMatchObject({ available: false });
    expect(readdirSync(cache)).toEqual([]);
  });

  it("refuses to start without the disk space that it takes, and says how much there is", async () => {
    const huge = { ...library, space: 1e18 };
    expect(await provision(huge, options())).toMatchObject({
      available: false,
      reason: expect.stringMatching(/has [\d.]+ GB free, and 1000000000.0 GB are needed$/),
      remedy: expect.stringContaining("SOFTMAX_BENCH_CACHE"),
    });
  });

  it("names a cache that cannot be written to", async () => {
    vi.stubEnv("SOFTMAX_BENCH_CACHE", "/dev/null/cache");
    expect(await provision(library, options())).toMatchObject({
      available: false,
      reason: expect.stringContaining("/dev/null/cache"),
      remedy: expect.stringContaining("SOFTMAX_BENCH_CACHE"),
    });
  });

  it.each([
    ["a missing file", () => rmSync(join(cache, part)), /library\.so is missing$/],
    ["a shortened file", () => truncateSync(join(cache, part), 1), /has 1 bytes where 4 belong$/],
    ["an unreadable list", () => writeFileSync(join(cache, "part-1.0", "contents.json"), "{"), /unreadable$/],
  ])("sees %s, and mends it", async (_, damage, reason) => {
    await provision(library, options());
    damage();
    expect(await inspect("part-1.0")).toMatchObject({
      state: "damaged",
      reason: expect.stringMatching(reason),
    });
    expect(await provision(library, options())).toEqual({ available: true });
    expect(readFileSync(join(cache, part), "utf8")).toBe("made");
  });

  it("sees a changed file of the same size when the user asks for the part by name", async () => {
    await provision(library, options());
    writeFileSync(join(cache, part), "MADE");
    expect(await inspect("part-1.0")).toMatchObject({ state: "complete" });
    await provision(library, options({ wanted: true }));
    expect(readFileSync(join(cache, part), "utf8")).toBe("made");
  });

  it("lets one of two processes make it while the other waits; one that was killed holds up nobody", async () => {
    const maker = () =>
      spawn(process.execPath, [MAKER], { env: { ...process.env, SOFTMAX_BENCH_CACHE: cache } });
    const killed = maker();
    await vi.waitFor(
      () => expect(readdirSync(cache)).toContainEqual(expect.stringMatching(/\.partial$/)),
      10_000,
    );
    killed.kill("SIGKILL");
    const both = [maker(), maker()];
    const codes = await Promise.all(
      both.map((child) => new Promise((resolve) => child.on("close", resolve))),
    );
    expect(codes).toEqual([0, 0]);
    expect(readFileSync(join(cache, "made-by"), "utf8").trim().split("\n")).toHaveLength(1);
    await sleep(50);
    expect(readdirSync(cache).sort()).toEqual(["made-by", "part-1.0"]);
  });
});

const MAKER = fileURLToPath(new URL("./support/maker.mjs", import.meta.url));
