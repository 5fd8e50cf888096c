import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { call, onlyRun, run, temporaryFolder } from "./support/cli.js";

const CELL = ["--profile", "smoke", "--workload", "cifar-head-16", "--dtype", "float32"] as const;

describe("--host", () => {
  it.each([
    ["chrome", 'unknown host "chrome": closest are chromium, with a version such as node@24'],
    ["node@latest", '--host expects a version such as node@24 or node@24.1.0, got "node@latest"'],
    ["node@24=/usr/bin/node", "--host takes a version or a path, got both"],
    ["node=", "--host expects a path after node=, got none"],
    ["bun,bun", "--host names bun twice; name each host once"],
    ["bun=/nowhere/bun", "/nowhere/bun does not print the version of Bun: spawn /nowhere/bun ENOENT"],
    [`deno=${process.execPath}`, '--version to print that of Deno, got "v'],
  ])("refuses %s", async (host, message) => {
    const { code, stderr } = await call("bench", ["--list", "--host", host]);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });

  it("refuses a Node that is too old", async () => {
    const program = join(temporaryFolder(), "node");
    writeFileSync(program, "#!/bin/sh\necho v18.20.4\n", { mode: 0o755 });
    const { code, stderr } = await call("bench", ["--list", "--host", `node=${program}`]);
    expect(stderr).toContain("is Node.js 18.20.4, and softmax-bench needs 20.19 or later");
    expect(code).toBe(2);
  });

  it("lists the cells of each host, by names that --cell takes", async () => {
    const flags = ["--backend", "wasm-simd", "--method", "manual/fused", ...CELL];
    const { stdout } = await call("bench", ["--list", "--host", "node,bun,node@24", ...flags]);
    const lines = stdout.trim().split("\n");
    expect(lines).toEqual([
      "wasm-simd manual/fused float32 cifar-head-16",
      "wasm-simd@bun manual/fused float32 cifar-head-16",
      "wasm-simd@node@24 manual/fused float32 cifar-head-16",
    ]);
    const again = await call("bench", ["--list", ...lines.flatMap((cell) => ["--cell", cell])]);
    expect(again.stdout.trim().split("\n")).toEqual(lines);
  });

  it("does not measure a cell elsewhere than --host says", async () => {
    const cell = "wasm-simd manual/fused float32 cifar-head-16";
    const { code, stderr } = await call("bench", ["--list", "--host", "chromium", "--cell", cell]);
    expect(stderr).toContain("got one on node, which is not in --host chromium");
    expect(code).toBe(2);
  });

  it.each(["backend", "method", "dtype", "workload"])("takes either cells or --%s", async (flag) => {
    const cell = "wasm-simd manual/fused float32 cifar-head-16";
    const { code, stderr } = await call("bench", ["--list", "--cell", cell, `--${flag}`, "float64"]);
    expect(stderr).toBe(`bench: --cell takes the place of --${flag}; leave out one of the two\n`);
    expect(code).toBe(2);
  });

  it("takes a cell of a reference beside --host, and cells beside the hosts of a config", async () => {
    const cells = ["pytorch manual/fused float32 4x3", "wasm-simd@bun manual/fused float32 4x3"];
    const flags = cells.flatMap((cell) => ["--cell", cell]);
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, "bench.config.ts"), 'export default { hosts: ["deno"] };');
    for (const given of [["--host", "bun"], []]) {
      const { stdout, stderr } = await call("bench", ["--list", ...given, ...flags], { cwd });
      expect(stdout.trim().split("\n").toSorted(), stderr).toEqual(cells.toSorted());
    }
  });

  it("gives each host the backends that run there, unless others are named", async () => {
    const listed = async (...flags: string[]) => {
      const { stdout } = await call("bench", ["--list", "--method", "manual/fused", ...flags, ...CELL]);
      return stdout
        .trim()
        .split("\n")
        .map((line) => line.split(" ", 1)[0]);
    };
    const onNode = await listed();
    expect(onNode).toContain("onnxruntime-cpu");
    expect(onNode).toContain("onnxruntime-webgpu");
    expect(onNode.filter((id) => /^(?:tfjs|jax-js)-web(?:gl|gpu)$/.test(`${id}`))).toEqual([]);
    expect(await listed("--host", "node")).toEqual(onNode);
    const inChromium = await listed("--host", "chromium");
    for (const id of ["tfjs-webgl", "onnxruntime-webgpu", "jax-js-webgpu", "tfjs-wasm"]) {
      expect(inChromium).toContain(`${id}@chromium`);
    }
    expect(inChromium).not.toContain("onnxruntime-cpu@chromium");
    expect(await listed("--backend", "tfjs-webgl")).toEqual(["tfjs-webgl"]);
  });

  it("names a host that was given by a path by its version", async () => {
    const flags = ["--backend", "wasm-simd", "--method", "manual/fused", ...CELL];
    const { stdout } = await call("bench", ["--list", "--host", `node=${process.execPath}`, ...flags]);
    expect(stdout.trim()).toBe(`wasm-simd@node@${process.versions.node} manual/fused float32 cifar-head-16`);
  });
});

describe("a run on Node, Bun and Deno", () => {
  /** Relaxed SIMD, where an engine has it, rounds differently in wasm-simd; the others are the same programs everywhere. */
  const SAME_BITS = ["onnxruntime-web", "tfjs-wasm", "jax-js"];

  const expectMeasured = async (backends: readonly string[]) => {
    const out = temporaryFolder();
    const flags = ["--host", "node,bun,deno", "--backend", backends.join(), "--method", "manual/shifted"];
    const { code, stdout, stderr } = await run("bench", [...flags, ...CELL, "--out", out]);
    expect(code, stderr).toBe(0);
    const { hosts, cells, backends: records } = onlyRun(out).results();
    expect(hosts).toMatchObject([
      { id: "bun", status: "available", runtime: { name: "Bun" } },
      { id: "deno", status: "available", runtime: { name: "Deno" } },
    ]);
    expect(cells.map(({ host = "node", backend, status }) => `${backend} ${host} ${status}`).sort()).toEqual(
      backends.flatMap((id) => ["bun", "deno", "node"].map((host) => `${id} ${host} ok`)).sort(),
    );
    expect(records).toHaveLength(3 * backends.length);
    for (const id of SAME_BITS.filter((one) => backends.includes(one))) {
      const digests = cells.flatMap(({ backend, gradientDigest }) =>
        backend === id ? [gradientDigest] : [],
      );
      expect(new Set(digests).size, id).toBe(1);
    }
    expect(stdout).toMatch(/^Hosts$/m);
    // On a busy machine none of these times may settle, and then there is no ratio.
    expect(stdout).toMatch(/^backend +host +(median ratio.* )?cells/m);
    expect(stdout).toMatch(/^wasm-simd +bun +(= )?\d/m);
  };
  const claim = "measures %j on every host, and shows them side by side";
  it.each([[["wasm-simd", "jax-js"]]])(claim, expectMeasured);
  it.each([[["wasm-simd", ...SAME_BITS]]])(claim, { tags: "nightly" }, expectMeasured);
});

describe("a host that cannot be had", () => {
  it("costs its cells, each with the reason", async () => {
    const out = temporaryFolder();
    const flags = ["--host", "node,deno@2.9999", "--backend", "wasm-simd", "--method", "manual/fused"];
    const { code } = await run("bench", [...flags, ...CELL, "--no-provision", "--out", out]);
    const { hosts, cells } = onlyRun(out).results();
    expect(code).toBe(0);
    expect(hosts).toMatchObject([{ id: "deno@2.9999", status: "unavailable" }]);
    expect(cells).toMatchObject([
      { status: "ok" },
      {
        host: "deno@2.9999",
        status: "unsupported",
        reason: expect.stringContaining("there is no Deno 2.9999 here"),
      },
    ]);
  });
});
