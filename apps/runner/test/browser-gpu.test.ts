import { readFileSync } from "node:fs";
import type { MethodId, Place } from "@softmax-bench/core";
import { oracle } from "@softmax-bench/numerics";
import { describe, expect, it } from "vitest";
import { parseHost } from "../dist/plan/host-requests.js";
import { Hosts } from "../dist/session/hosts.js";
import { runJobs } from "../dist/session/jobs.js";
import { childrenOf, onlyRun, run, temporaryFolder } from "./support/cli.js";

const ON_GPU = ["tfjs-webgl", "tfjs-webgpu", "onnxruntime-webgpu", "jax-js-webgl", "jax-js-webgpu"];

describe("GPU backends in Chromium, on a machine without a GPU", () => {
  const expectRight = async (ids: readonly string[]) => {
    const out = temporaryFolder();
    const what = ["--backend", ["wasm-simd", ...ids].join(), "--method", "manual/shifted"];
    const size = ["--profile", "smoke", "--workload", "cifar-head-16", "--dtype", "float32"];
    const { code, stdout, stderr } = await run("bench", [
      "--full",
      ...["--host", "chromium", ...what, ...size],
      ...["--out", out],
    ]);
    expect(code, stderr).toBe(0);
    const { backends, cells } = onlyRun(out).results();
    const onGpu = cells.filter(({ backend }) => backend !== "wasm-simd");
    expect(onGpu.map(({ backend }) => backend).toSorted()).toEqual(ids.toSorted());
    for (const { backend, status, accuracy } of onGpu) {
      expect(status, backend).toBe("ok");
      expect(accuracy?.gradient.relL2, backend).toBeLessThan(2 ** -20);
      const { device } = backends.find(({ id }) => id === backend) ?? {};
      expect(device, backend).toEqual({
        kind: "software-gpu",
        name: expect.stringMatching(/swiftshader.*\((?:WebGPU|WebGL 2)\)$/i),
      });
    }
    expect(stdout).not.toMatch(/gpu@\S+ \S+ is the fastest|webgl@\S+ \S+ is the fastest/);
    expect(stdout).not.toMatch(/(?:The fastest of them|Next) is \S+web(?:gl|gpu)@/);
  };
  const claim = "are right, name the GPU in software, and never win: %j";
  it.each([[["tfjs-webgl"]]])(claim, expectRight);
  it.each([[ON_GPU]])(claim, { tags: "nightly" }, expectRight);
});

describe("a page that loses its GPU", () => {
  const expectOneLost = async (backend: string) => {
    const { signal } = new AbortController();
    const options = { say: () => {}, signal, consent: undefined };
    using hosts = await Hosts.open([parseHost("chromium")], options);
    const place: Place = { backend, host: "chromium" };
    const methods: MethodId[] = ["manual/shifted", "manual/naive", "manual/fused"];
    const problem = { rows: 4, classes: 3 };
    const inputs = {
      logits: Float32Array.from({ length: 12 }, (_, index) => (index % 5) / 4),
      labels: Int32Array.of(0, 1, 2, 0),
    };
    const exact = oracle({ ...problem, ...inputs }).gradient.hi;
    const said: string[] = [];
    await runJobs(
      place,
      methods.map((method) => ({ task: { method, dtype: "float32", ...problem } as const, inputs })),
      { threads: 1, signal, hosts, consent: undefined, say: () => {} },
      (_, outcome) => {
        said.push(outcome.status === "ok" ? "ok" : `${outcome.status}: ${outcome.reason}`);
        if (outcome.status === "ok") expect(outcome.result.gradient[0]).toBeCloseTo(exact[0] as number, 6);
        if (said.length === 1) endGpuProcess();
      },
    );
    expect(said).toEqual(["ok", expect.stringMatching(/^crashed: the page failed: the .* was lost/), "ok"]);
  };
  const claim = "costs %s one task";
  it.each(["jax-js-webgpu", "tfjs-webgl"])(claim, { tags: "nightly" }, expectOneLost);
});

/** Ends the process in which the browser that this process has started talks to its GPU. */
function endGpuProcess(): void {
  const descendants = (pid: number): number[] =>
    childrenOf(pid).flatMap((child) => [child, ...descendants(child)]);
  const [found = 0] = descendants(process.pid).filter((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("--type=gpu-process"),
  );
  process.kill(found, "SIGKILL");
}
