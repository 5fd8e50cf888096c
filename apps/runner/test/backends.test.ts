import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { schema } from "@softmax-bench/core/results";
import { cacheRoot } from "@softmax-bench/provision";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { bench, onlyRun, run, temporaryFolder } from "./support/cli.js";

const report = z.object({ environment: schema.environment, backends: z.array(schema.backend) });

async function doctor(env: NodeJS.ProcessEnv = {}) {
  const begun = performance.now();
  const { code, stdout } = await run("doctor", ["--json"], { env });
  const { backends } = report.parse(JSON.parse(stdout));
  const find = (id: string) => backends.find((backend) => backend.id === id);
  return { code, backends, find, seconds: (performance.now() - begun) / 1e3 };
}

/** A cache with hard links to the parts in the real one, so that breaking it costs nothing. */
function copyOfCache(): string {
  const copy = temporaryFolder();
  for (const part of readdirSync(cacheRoot()).filter((name) => name.startsWith("tfjs-node"))) {
    for (const entry of readdirSync(join(cacheRoot(), part), { recursive: true, withFileTypes: true })) {
      const from = join(entry.parentPath, entry.name);
      const to = from.replace(cacheRoot(), copy);
      if (entry.isDirectory()) mkdirSync(to, { recursive: true });
      else {
        mkdirSync(dirname(to), { recursive: true });
        link(from, to);
      }
    }
  }
  return copy;
}

function link(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    cpSync(from, to);
  }
}

const provisioned =
  existsSync(cacheRoot()) && readdirSync(cacheRoot()).some((name) => name.startsWith("tfjs-node"));
const required = (process.env.SOFTMAX_BENCH_REQUIRED_BACKENDS ?? "").split(",");

describe("doctor", () => {
  it("says of every backend what it runs on, or why not and what would help, within 5 s", async () => {
    const { code, backends, seconds } = await doctor();
    expect(code).toBe(0);
    expect(backends).toHaveLength(8);
    for (const { status, engine, device, reason, remedy } of backends) {
      if (status === "available") expect([engine?.version, device?.name]).not.toContain(undefined);
      else expect(reason && remedy).toBeTruthy();
    }
    for (const id of required.filter(Boolean)) {
      expect(backends).toContainEqual(expect.objectContaining({ id, status: "available" }));
    }
    expect(seconds).toBeLessThan(required.length > 1 ? 7 : 60);
  });

  it("has a table for people, and refuses what it does not know", async () => {
    expect((await run("doctor")).stdout).toMatch(/backend +available +runtime/);
    const { code, stderr } = await run("doctor", ["--jsn"]);
    expect(code).toBe(2);
    expect(stderr).toBe("doctor: unknown option '--jsn' (Did you mean --json?)\n");
  });

  it("survives a Node without WebAssembly", async () => {
    const { find } = await doctor({ NODE_OPTIONS: "--jitless" });
    for (const id of ["tfjs-wasm", "onnxruntime-web", "jax-js"]) {
      expect(find(id)).toMatchObject({ status: "unavailable", remedy: "run Node without --jitless" });
    }
    expect(find("onnxruntime-cpu")).toMatchObject({ status: "available" });
  });

  it("names the missing Vulkan driver", async () => {
    const { find } = await doctor({ VK_ICD_FILENAMES: "/nowhere.json" });
    expect(find("onnxruntime-webgpu")).toMatchObject({ status: "unavailable" });
    expect(find("onnxruntime-webgpu")?.remedy).toMatch(/^install /);
  });
});

describe("a backend whose native parts are broken", () => {
  const withoutParts = { SOFTMAX_BENCH_CACHE: "/nonexistent-cache" };
  const TWO = ["--profile", "smoke", "--workload", "4x3", "--backend", "tfjs-wasm,tfjs-node-gpu"];

  it("is unavailable without them, and leaves the others' results intact", async () => {
    const out = temporaryFolder();
    const { code } = await bench([...TWO, "--no-provision", "--out", out], { env: withoutParts });
    const { backends, cells } = onlyRun(out).results();
    expect(code).toBe(0);
    expect(backends).toContainEqual(
      expect.objectContaining({
        id: "tfjs-node-gpu",
        status: "unavailable",
        reason: expect.stringMatching(/no tfjs-node.*LIBTENSORFLOW_DIR is not set; .*is not there/),
        remedy: "pnpm provision tfjs-node-gpu",
      }),
    );
    expect(cells.filter(({ backend, status }) => backend === "tfjs-wasm" && status === "ok")).toHaveLength(
      10,
    );
  });

  it.each([
    ["there is no Python", {}, /^python3 is missing$/, "install Python 3 with pip"],
    [
      "Python has no pip",
      { python3: "echo 'No module named pip' >&2; exit 1" },
      /^python3 has no pip$/,
      /python3-pip/,
    ],
    [
      "pip reaches no registry",
      { python3: "echo 'ERROR: No matching distribution found for tensorflow-cpu' >&2; exit 1" },
      /^pip does not get tensorflow.*: ERROR: No matching distribution/,
      /pip install --target/,
    ],
  ])("is not provisioned where %s", async (_, commands, reason, remedy) => {
    const [cache, path] = [temporaryFolder(), temporaryFolder()];
    for (const [name, script] of Object.entries(commands)) {
      writeFileSync(join(path, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    const out = temporaryFolder();
    const env = { SOFTMAX_BENCH_CACHE: cache, PATH: path };
    const { code } = await bench([...TWO, "--out", out], { env });
    const { backends, cells } = onlyRun(out).results();
    const found = backends.find(({ id }) => id === "tfjs-node-gpu");
    expect(found?.status).toBe("unavailable");
    expect(found?.reason).toMatch(reason);
    expect(found?.remedy).toMatch(remedy);
    expect(cells.filter(({ backend, status: of }) => backend === "tfjs-wasm" && of === "ok")).toHaveLength(
      10,
    );
    expect(code).toBe(0);
    expect(readdirSync(cache)).toEqual([]);
  });

  it("says so where the cache has no room, and leaves nothing half-written", async () => {
    const cache = temporaryFolder();
    const { code, stdout } = await run("provision", ["tfjs-node-gpu"], {
      env: { SOFTMAX_BENCH_CACHE: cache, PIP_NO_INDEX: "1", PIP_FIND_LINKS: "/nowhere" },
      fileSizeLimit: 1,
    });
    expect(code).toBe(1);
    expect(stdout.trim().split("\n")).toHaveLength(1);
    expect(stdout).toMatch(/^tfjs-node-gpu: .+; .+/);
    expect(readdirSync(cache)).toEqual([]);
  });

  it("refuses to provision what it does not know", async () => {
    const { code, stderr } = await run("provision", ["tfjs-nod"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^provision: unknown backend "tfjs-nod": closest are .*tfjs-node-gpu/);
  });

  // What is damaged is replaced, not written to: through a hard link that would reach the real cache.
  describe.runIf(provisioned || required.includes("tfjs-node-gpu"))("once provisioned", () => {
    const addonIn = (cache: string) => {
      const [part] = readdirSync(cache);
      return join(cache, part as string, "binding", "tfjs_binding.node");
    };

    it.each([
      ["deleted", (file: string) => rmSync(file), /tfjs_binding\.node is missing/],
      [
        "shortened",
        (file: string) => {
          const bytes = readFileSync(file);
          rmSync(file);
          writeFileSync(file, bytes);
          truncateSync(file, 1000);
        },
        /tfjs_binding\.node has 1000 bytes where \d+ belong/,
      ],
      [
        "overwritten by something of the same size",
        (file: string) => {
          const { length } = readFileSync(file);
          rmSync(file);
          writeFileSync(file, Buffer.alloc(length, 7));
        },
        /invalid ELF header|file too short/,
      ],
    ])("is unavailable when its addon is %s", async (_, damage, reason) => {
      const cache = copyOfCache();
      damage(addonIn(cache));
      const { find, code } = await doctor({ SOFTMAX_BENCH_CACHE: cache });
      expect(code).toBe(0);
      expect(find("tfjs-node-gpu")).toMatchObject({
        status: "unavailable",
        reason: expect.stringMatching(reason),
        remedy: "pnpm provision tfjs-node-gpu",
      });
      expect(find("onnxruntime-cpu")).toMatchObject({ status: "available" });
    });

    it("is unavailable when its library ends the process while it loads", async () => {
      const cache = copyOfCache();
      const addon = addonIn(cache);
      const { length } = readFileSync(addon);
      const bytes = Buffer.from(readFileSync(addon));
      // The dynamic section's start points nowhere: the dynamic linker, or the process with it, gives up.
      bytes.fill(0xff, 64, Math.min(400, length));
      rmSync(addon);
      writeFileSync(addon, bytes);
      const { find, code } = await doctor({ SOFTMAX_BENCH_CACHE: cache });
      expect(code).toBe(0);
      expect(find("tfjs-node-gpu")).toMatchObject({
        status: "unavailable",
        remedy: "pnpm provision tfjs-node-gpu",
      });
      expect(find("tfjs-cpu")).toMatchObject({ status: "available" });
    });
  });
});
