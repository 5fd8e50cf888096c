import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { cacheRoot } from "@softmax-bench/provision";
import { describe, expect, it } from "vitest";
import { bench, call, MAIN, onlyRun, run, spawned, start, temporaryFolder } from "./support/cli.js";
import { doctor, examine, REQUIRED } from "./support/doctor.js";

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

describe("a backend whose native parts are broken", () => {
  const withoutParts = { SOFTMAX_BENCH_CACHE: "/nonexistent-cache" };
  const TWO = [
    ...["--profile", "smoke", "--workload", "4x3", "--method", "manual/fused"],
    ...["--backend", "tfjs-wasm,tfjs-node-gpu"],
  ];

  it("is unavailable without them, and leaves the others' results intact", async () => {
    const out = temporaryFolder();
    const { code } = await call("bench", [...TWO, "--no-provision", "--out", out], { env: withoutParts });
    const { backends, cells } = onlyRun(out).results();
    expect(code).toBe(0);
    expect(backends).toContainEqual(
      expect.objectContaining({
        id: "tfjs-node-gpu",
        status: "unavailable",
        reason: expect.stringMatching(/no tfjs-node.*LIBTENSORFLOW_DIR is not set; .*is not there/),
        remedy: "pnpm run doctor --fix tfjs-node-gpu",
      }),
    );
    expect(cells.filter(({ backend, status }) => backend === "tfjs-wasm" && status === "ok")).toHaveLength(1);
  });

  const expectUnprovisioned = async (
    _: string,
    commands: Readonly<Record<string, string>>,
    reason: RegExp,
    remedy: string | RegExp,
  ) => {
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
    expect(cells.filter(({ backend, status: of }) => backend === "tfjs-wasm" && of === "ok")).toHaveLength(1);
    expect(code).toBe(0);
    expect(readdirSync(cache)).toEqual([]);
  };

  it.each([
    [
      "pip reaches no registry",
      { python3: "echo 'ERROR: No matching distribution found for tensorflow-cpu' >&2; exit 1" },
      /^pip does not get tensorflow.*: ERROR: No matching distribution/,
      /pip install --target/,
    ],
  ])("is not provisioned where %s", expectUnprovisioned);

  it.each([
    ["there is no Python", {}, /^python3 is missing$/, "install Python 3 with pip"],
    [
      "Python has no pip",
      { python3: "echo 'No module named pip' >&2; exit 1" },
      /^python3 has no pip$/,
      /python3-pip/,
    ],
  ])("is not provisioned where %s", { tags: "nightly" }, expectUnprovisioned);

  /** Programs that would download, and that leave a file where they are called. */
  function downloaders() {
    const [cache, path] = [temporaryFolder(), temporaryFolder()];
    for (const name of ["python3", "npm"]) {
      writeFileSync(join(path, name), '#!/bin/sh\ntouch "$0.called"; exit 1\n', { mode: 0o755 });
    }
    const called = () => readdirSync(path).filter((name) => name.endsWith(".called"));
    const env = { SOFTMAX_BENCH_CACHE: cache, PATH: `${path}:${process.env.PATH}`, CI: "" };
    return { cache, called, env: { ...env, SOFTMAX_BENCH_YES: "" } };
  }

  it("fetches nothing without consent, says so in one line, and measures the others", async () => {
    const { cache, called, env } = downloaders();
    const out = temporaryFolder();
    const where = ["--backend", "wasm-simd,tfjs-node-gpu", "--host", "node,bun", "--out", out];
    const small = ["--profile", "smoke", "--workload", "4x3", "--method", "manual/fused"];
    const { code, stderr } = await call("bench", [...small, ...where], { env });
    expect(stderr).toMatch(
      /^not fetched: TensorFlow \S+ and its addon for Node \(274 MB, about 2 min\), Bun \(52 MB, .*\); --yes or SOFTMAX_BENCH_YES=1 agrees to it$/m,
    );
    const { backends } = onlyRun(out).results();
    expect(backends.find(({ id, host }) => id === "tfjs-node-gpu" && !host)).toMatchObject({
      status: "unavailable",
      reason: expect.stringMatching(/must be fetched or built, and nobody agreed to that$/),
      remedy: "agree with --yes, or SOFTMAX_BENCH_YES=1",
    });
    expect(backends.find(({ id, host }) => id === "wasm-simd" && !host)?.status).toBe("available");
    expect(code).toBe(0);
    expect([called(), readdirSync(cache)]).toEqual([[], []]);
  });

  it("is a failure without consent where nothing else was named", async () => {
    const { called, env } = downloaders();
    const args = ["--profile", "smoke", "--workload", "4x3", "--backend", "tfjs-node-gpu"];
    const { code, stderr } = await call("bench", [...args, "--out", temporaryFolder()], { env });
    expect(stderr).toMatch(/no backend is available\ntfjs-node-gpu: .* nobody agreed .*\(agree with --yes/);
    expect(code).toBe(1);
    expect(called()).toEqual([]);
  });

  it.each([
    ["--yes", ["--yes"], {}],
    ["the variable", [], { SOFTMAX_BENCH_YES: "1" }],
  ])("fetches without a question, given %s", async (_, flags, given) => {
    const { called, env } = downloaders();
    const args = ["tfjs-node-gpu", "--fix", ...flags];
    const { code, stderr } = await call("doctor", args, { env: { ...env, ...given } });
    expect(stderr).toMatch(/^tfjs-node-gpu: downloading tensorflow/);
    expect([code, called()]).toEqual([1, ["python3.called"]]);
  });

  it.each([
    ["no", "n", "nobody agreed to that; agree with --yes", []],
    ["yes", "", "pip does not get tensorflow-cpu", ["python3.called"]],
  ])("asks at a terminal, and takes %s for an answer", async (_, answer, outcome, programs) => {
    const { called, env } = downloaders();
    const command = `${process.execPath} ${MAIN} doctor --fix tfjs-node-gpu`;
    const terminal = `echo ${answer} | script -qefc '${command}' /dev/null`;
    const { code, stdout } = await spawned(["bash", "-c", terminal], { env }).ended;
    const printed = stdout.replaceAll(/\s+/g, " ");
    expect(printed).toMatch(
      /Missing here: TensorFlow \S+ and its addon for Node \(274 MB, about 2 min\) Fetch it\? \[Y\/n\]/,
    );
    expect(printed).toContain(outcome);
    expect([code, called()]).toEqual([1, programs]);
  });

  it("says so where the cache has no room for what pip writes, and leaves nothing half-written", async () => {
    const [cache, path] = [temporaryFolder(), temporaryFolder()];
    const pip = `
      while [ "$1" != --target ]; do shift; done
      head -c 100000 /dev/zero > "$2/library" && exit 0
      echo "ERROR: Could not install packages due to an OSError" >&2; exit 1`;
    writeFileSync(join(path, "python3"), `#!/bin/sh\n${pip}\n`, { mode: 0o755 });
    const { code, stdout } = await run("provision", ["tfjs-node-gpu"], {
      env: { SOFTMAX_BENCH_CACHE: cache, PATH: `${path}:${process.env.PATH}` },
      fileSizeLimit: 16,
    });
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^tfjs-node-gpu: pip does not get tensorflow.*: ERROR: Could not install.*; see to it/,
    );
    expect(stdout.trim().split("\n")).toHaveLength(1);
    expect(readdirSync(cache)).toEqual([]);
  });

  it("leaves nothing behind when it is stopped, even if pip is slow to go", { tags: "nightly" }, async () => {
    const [cache, path] = [temporaryFolder(), temporaryFolder()];
    const pip = `
      trap '' INT; trap 'stopping=1' TERM
      while [ "$1" != --target ]; do shift; done
      count=0
      while [ $count -lt 20 ]; do
        mkdir -p "$2" && echo half > "$2/file-$count"; count=$((count + 1)); sleep 0.05
        [ $count -eq 1 ] && echo started
        [ -z "$stopping" ] && count=1
      done`;
    writeFileSync(join(path, "python3"), `#!/bin/sh\n${pip}\n`, { mode: 0o755 });
    const running = start(["provision", "tfjs-node-gpu"], {
      env: { SOFTMAX_BENCH_CACHE: cache, PATH: `${path}:${process.env.PATH}` },
    });
    await running.says("started");
    running.child.kill("SIGINT");
    expect((await running.ended).code).toBe(130);
    expect(readdirSync(cache)).toEqual([]);
  });

  it("names a LIBTENSORFLOW_DIR that holds no TensorFlow", async () => {
    const [cache, folder] = [temporaryFolder(), temporaryFolder()];
    const env = { SOFTMAX_BENCH_CACHE: cache, LIBTENSORFLOW_DIR: folder };
    const { code, stdout } = await call("provision", ["tfjs-node-gpu"], { env });
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /\/lib lacks libtensorflow\.so\.2 or libtensorflow_cc\.so\.2; set LIBTENSORFLOW_DIR/,
    );
    expect((await examine("tfjs-node-gpu", { env }))?.reason).toContain(`LIBTENSORFLOW_DIR is ${folder}`);
    expect(readdirSync(cache)).toEqual([]);
  });

  it("refuses to provision what it does not know", async () => {
    const { code, stderr } = await call("provision", ["tfjs-nod"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^provision: unknown backend "tfjs-nod": closest are .*tfjs-node-gpu/);
  });

  // What is damaged is replaced, not written to: through a hard link that would reach the real cache.
  describe.runIf(provisioned || REQUIRED.includes("tfjs-node-gpu"))("once provisioned", () => {
    const addonIn = (cache: string) => {
      const [part] = readdirSync(cache);
      return join(cache, part as string, "binding", "tfjs_binding.node");
    };

    const expectUnavailable = async (_: string, damage: (file: string) => void, reason: RegExp) => {
      const cache = copyOfCache();
      damage(addonIn(cache));
      expect(await examine("tfjs-node-gpu", { env: { SOFTMAX_BENCH_CACHE: cache } })).toMatchObject({
        status: "unavailable",
        reason: expect.stringMatching(reason),
        remedy: "pnpm run doctor --fix tfjs-node-gpu",
      });
    };

    it.each([
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
    ])("is unavailable when its addon is %s", expectUnavailable);

    it.each([
      ["deleted", (file: string) => rmSync(file), /tfjs_binding\.node is missing/],
      [
        "overwritten by something of the same size",
        (file: string) => {
          const { length } = readFileSync(file);
          rmSync(file);
          writeFileSync(file, Buffer.alloc(length, 7));
        },
        /invalid ELF header|file too short/,
      ],
    ])("is unavailable when its addon is %s", { tags: "nightly" }, expectUnavailable);

    it("is unavailable when its library ends the process while it loads", { tags: "nightly" }, async () => {
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
        remedy: "pnpm run doctor --fix tfjs-node-gpu",
      });
      expect(find("tfjs-cpu")).toMatchObject({ status: "available" });
    });

    /** A project with a tfjs-node whose own install script has worked. */
    function projectWithTfjsNode(): { project: string; addon: string } {
      const [cache, project] = [copyOfCache(), temporaryFolder()];
      const [part] = readdirSync(cache);
      const folder = join(project, "node_modules", "@tensorflow", "tfjs-node");
      const binding = join(folder, "lib", "napi-v8");
      mkdirSync(dirname(binding), { recursive: true });
      writeFileSync(
        join(folder, "package.json"),
        JSON.stringify({ name: "@tensorflow/tfjs-node", version: "4.22.0" }),
      );
      cpSync(join(cache, part as string, "binding"), binding, { recursive: true });
      symlinkSync(join(cacheRoot(), part as string, "tensorflow"), join(folder, "lib", "tensorflow"));
      return { project, addon: join(binding, "tfjs_binding.node") };
    }

    it("takes a tfjs-node that is installed where it is run, and provisions nothing", {
      tags: "nightly",
    }, async () => {
      const { project } = projectWithTfjsNode();
      const examined = await examine("tfjs-node-gpu", { env: withoutParts, cwd: project });
      expect(examined).toMatchObject({ status: "available", device: { kind: "cpu" } });
    });

    it("names the installed tfjs-node that does not load, and how to be rid of it", {
      tags: "nightly",
    }, async () => {
      const { project, addon } = projectWithTfjsNode();
      writeFileSync(addon, "garbage");
      const examined = await examine("tfjs-node-gpu", { env: withoutParts, cwd: project });
      expect(examined).toMatchObject({
        status: "unavailable",
        reason: expect.stringContaining(`${addon} does not load`),
        remedy: expect.stringContaining("remove it"),
      });
    });
  });
});
