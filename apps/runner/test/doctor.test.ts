import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { copyOfCheckout } from "./support/checkout.js";
import { bench, onlyRun, run, temporaryFolder } from "./support/cli.js";
import { doctor, REQUIRED } from "./support/doctor.js";

describe("doctor", () => {
  it("says of every backend what it runs on, or why not and what would help", async () => {
    const { code, backends } = await doctor();
    expect(code).toBe(0);
    expect(backends).toHaveLength(9);
    for (const { status, engine, device, reason, remedy } of backends) {
      if (status === "available") expect([engine?.version, device?.name]).not.toContain(undefined);
      else expect(reason && remedy).toBeTruthy();
    }
    for (const id of REQUIRED) {
      expect(backends).toContainEqual(expect.objectContaining({ id, status: "available" }));
    }
  });

  it("answers within 5 s, give or take its own start, and says which backends took longer", async () => {
    const begun = performance.now();
    const { code, stdout } = await run("doctor");
    expect(performance.now() - begun).toBeLessThan(7000);
    expect([0, 1]).toContain(code);
    expect(stdout).toMatch(/backend +available +runtime/);
  });

  it("refuses what it does not know", async () => {
    const { code, stderr } = await run("doctor", ["--jsn"]);
    expect(code).toBe(2);
    expect(stderr).toBe("doctor: unknown option '--jsn' (Did you mean --json?)\n");
  });

  it("survives a Node without WebAssembly", async () => {
    const { find } = await doctor({ NODE_OPTIONS: "--jitless" });
    for (const id of ["tfjs-wasm", "onnxruntime-web", "jax-js", "wasm-simd"]) {
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

  it("is unavailable, says why and what would help, and leaves the others' results intact", async () => {
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
        reason: expect.stringMatching(/./),
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
  }, 60_000);

  it("is unavailable when the plain JavaScript kernels are gone", async () => {
    const checkout = copyOfCheckout();
    rmSync(join(checkout.folderOf("@tensorflow/tfjs-backend-cpu"), "dist"), { recursive: true });
    const { code, find } = await doctor({}, checkout.main);
    expect(code).toBe(0);
    expect(find("tfjs-cpu")).toMatchObject({
      status: "unavailable",
      reason: "@tensorflow/tfjs-backend-cpu is not installed, or not whole",
      remedy: "pnpm install --force",
    });
    expect(find("onnxruntime-cpu")).toMatchObject({ status: "available" });
  }, 60_000);
});
