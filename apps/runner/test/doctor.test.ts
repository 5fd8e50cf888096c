import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { probeBackends } from "../dist/session/probe-backends.js";
import { copyOfCheckout } from "./support/checkout.js";
import { bench, call, onlyRun, temporaryFolder, within } from "./support/cli.js";
import { doctor, REQUIRED } from "./support/doctor.js";

/** An environment in which workers do nothing for a while before they start. */
function slowWorkers(ms: number): NodeJS.ProcessEnv {
  const file = join(temporaryFolder(), "slow.mjs");
  const wait = `await new Promise((resolve) => setTimeout(resolve, ${ms}));`;
  writeFileSync(file, `if (process.argv[1]?.endsWith("/host-node/dist/worker.js")) ${wait}`);
  return { NODE_OPTIONS: `--import=${file}` };
}

describe("doctor", () => {
  it("says of every backend what it runs on, or why not and what would help", async () => {
    const { code, backends } = await doctor();
    expect(code).toBe(0);
    expect(backends).toHaveLength(15);
    for (const { status, engine, device, reason, remedy } of backends) {
      const said = status === "available" ? [engine?.version, device?.name] : [reason, remedy];
      expect(said).toEqual([expect.stringMatching(/\w/), expect.stringMatching(/\w/)]);
    }
    for (const id of REQUIRED) {
      expect(backends).toContainEqual(expect.objectContaining({ id, status: "available" }));
    }
  });

  it("waits for a backend that is slow, and does not call it unavailable", { tags: "nightly" }, async () => {
    const { code, stdout } = await call("doctor", [], { env: slowWorkers(6000) });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^backend +available +runtime/m);
    expect(stdout).toMatch(/^tfjs-cpu +yes /m);
    expect(stdout).not.toMatch(/ slow |--timeout/);
  });

  it("says which backends are slow, and how to wait for them, and which run in browsers", {
    tags: "nightly",
  }, async () => {
    const env = slowWorkers(60_000);
    const { code, stdout } = await call("doctor", ["--timeout", "1"], { env });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^tfjs-cpu +slow /m);
    expect(stdout).not.toMatch(/ no +it is slow|pnpm install --force/);
    // They are not broken.
    for (const id of ["tfjs-webgl", "tfjs-webgpu", "jax-js-webgl", "jax-js-webgpu"]) {
      expect(stdout).toMatch(new RegExp(`^${id} +in browser `, "m"));
    }
    expect(stdout).toContain("pnpm bench --host chromium");
    expect((await within({ env }, () => probeBackends(["tfjs-cpu"], 1)))[0]).toEqual({
      id: "tfjs-cpu",
      status: "unavailable",
      slow: true,
      reason: "it is slow to start: no result after 1 s",
      remedy: "wait longer: pnpm run doctor --timeout 2",
    });
  });

  it.each(["0", "3601", "1.5", "99999999999", "-1"])("refuses --timeout %s", async (value) => {
    const { code, stderr } = await call("doctor", [`--timeout=${value}`]);
    expect(code).toBe(2);
    expect(stderr).toBe(`doctor: --timeout takes a whole number from 1 to 3600, got "${value}"\n`);
  });

  it("refuses what it does not know", async () => {
    const { code, stderr } = await call("doctor", ["--jsn"]);
    expect(code).toBe(2);
    expect(stderr).toBe("doctor: unknown option '--jsn' (Did you mean --json?)\n");
  });

  it("survives a Node without WebAssembly", { tags: "nightly" }, async () => {
    const { find } = await doctor({ NODE_OPTIONS: "--jitless" });
    for (const id of ["tfjs-wasm", "onnxruntime-web", "jax-js", "wasm-simd"]) {
      expect(find(id)).toMatchObject({ status: "unavailable", remedy: "run Node without --jitless" });
    }
    expect(find("onnxruntime-cpu")).toMatchObject({ status: "available" });
  });

  it("names the missing Vulkan driver", { tags: "nightly" }, async () => {
    const { find } = await doctor({ VK_ICD_FILENAMES: "/nowhere.json" });
    expect(find("onnxruntime-webgpu")).toMatchObject({ status: "unavailable" });
    expect(find("onnxruntime-webgpu")?.remedy).toMatch(/^install /);
  });
});

describe("a backend whose package is damaged", () => {
  const ADDON = `bin/napi-v6/${process.platform}/${process.arch}/onnxruntime_binding.node`;
  const overwrite = (file: string) => {
    rmSync(file);
    writeFileSync(file, "garbage");
  };
  const damages: readonly [id: string, package_: string, file: string, damage: (file: string) => void][] = [
    ["tfjs-wasm", "@tensorflow/tfjs-backend-wasm", "dist/tf-backend-wasm.node.js", overwrite],
    ["onnxruntime-cpu", "onnxruntime-node", ADDON, overwrite],
    ["onnxruntime-webgpu", "onnxruntime-node", ADDON, overwrite],
    ["onnxruntime-web", "onnxruntime-web", "dist/ort-wasm-simd-threaded.wasm", overwrite],
    ["jax-js", "@jax-js/jax", "dist/index.js", (file) => rmSync(file)],
  ];

  it("is unavailable, says why and what would help, and leaves the others' results intact", {
    tags: "nightly",
  }, async () => {
    const checkout = copyOfCheckout();
    for (const [, name, file, damage] of damages) {
      const path = join(checkout.folderOf(name), file);
      rmSync(path, { force: true });
      writeFileSync(path, "");
      damage(path);
    }
    const { code, find } = await doctor({}, checkout.main);
    expect(code).toBe(0);
    for (const [id] of damages) {
      expect(find(id)).toMatchObject({
        status: "unavailable",
        reason: expect.stringMatching(/[a-z]{3}/),
        remedy: expect.stringContaining("pnpm install --force"),
      });
    }
    expect(find("tfjs-cpu")).toMatchObject({ status: "available" });

    const out = temporaryFolder();
    const args = ["--profile", "smoke", "--workload", "4x3", "--no-provision", "--out", out];
    const measured = await bench(args, { main: checkout.main });
    expect(measured.code).toBe(0);
    const ok = onlyRun(out)
      .results()
      .cells.filter(({ status }) => status === "ok");
    expect(ok.filter(({ backend }) => backend === "tfjs-cpu")).toHaveLength(10);
    for (const [id] of damages) expect(ok.filter(({ backend }) => backend === id)).toEqual([]);
  });

  it("is unavailable when the plain JavaScript kernels are gone", { tags: "nightly" }, async () => {
    const checkout = copyOfCheckout();
    rmSync(join(checkout.folderOf("@tensorflow/tfjs-backend-cpu"), "dist"), { recursive: true });
    const out = temporaryFolder();
    const small = ["--profile", "smoke", "--workload", "4x3", "--method", "manual/fused", "--no-provision"];
    const args = [...small, "--backend", "tfjs-cpu,wasm-simd", "--out", out];
    expect((await bench(args, { main: checkout.main })).code).toBe(0);
    expect(onlyRun(out).results().backends).toMatchObject([
      {
        id: "tfjs-cpu",
        status: "unavailable",
        reason: "@tensorflow/tfjs-backend-cpu is not installed, or not whole",
        remedy: "pnpm install --force",
      },
      { id: "wasm-simd", status: "available" },
    ]);
  });
});
