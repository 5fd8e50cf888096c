import { GRAPH_METHODS, USUAL_DTYPE_IDS } from "@softmax-bench/core";
import { pytorch } from "@softmax-bench/host-python";
import { describe, expect, it } from "vitest";
import { call, onlyRun, run, start, temporaryFolder, workersOf } from "./support/cli.js";
import { examine, REQUIRED } from "./support/doctor.js";

const CELL = ["--profile", "smoke", "--workload", "cifar-head-16"] as const;
const FUSED = [...CELL, "--dtype", "float32", "--method", "manual/fused"] as const;

const MANUAL = GRAPH_METHODS.filter(({ kind }) => kind === "manual").map(({ id }) => id);

const listed = async (...flags: string[]): Promise<string[]> => {
  const { stdout, stderr, code } = await call("bench", ["--list", ...FUSED, ...flags]);
  expect(code, stderr).toBe(0);
  return stdout.trim().split("\n");
};

describe("a reference", () => {
  it.each([
    ["by default", [], []],
    ["among all", ["--backend", "all"], []],
    ["where it is named", ["--backend", "pytorch,wasm-simd"], ["pytorch"]],
    ["where it is named besides all", ["--backend", "all,jax"], ["jax"]],
    [
      "once, on whatever hosts the others run",
      ["--backend", "jax,pytorch", "--host", "node,bun"],
      ["pytorch", "jax"],
    ],
  ])("runs %s: %j", async (_, flags, expected) => {
    const names = (await listed(...flags)).map((line) => line.split(" ", 1)[0]);
    expect(names.filter((name) => name === "pytorch" || name === "jax")).toEqual(expected);
  });

  it("has cells by its own name, which --cell takes", async () => {
    const lines = await listed("--backend", "wasm-simd,pytorch");
    expect(lines).toEqual([
      "wasm-simd manual/fused float32 cifar-head-16",
      "pytorch manual/fused float32 cifar-head-16",
    ]);
    const again = await call("bench", ["--list", ...lines.flatMap((cell) => ["--cell", cell])]);
    expect(again.stdout.trim().split("\n")).toEqual(lines);
  });

  it("has a host that goes without saying, and is none for others", async () => {
    const { code, stderr } = await call("bench", ["--list", "--host", "python"]);
    expect(stderr).toContain(
      "--host expects hosts of JavaScript, got python; leave it out: references run there",
    );
    expect(code).toBe(2);
  });
});

describe("a Python that is not there", () => {
  const env = { SOFTMAX_BENCH_PYTHON: "/nowhere/python3" };
  const PROBLEM = {
    status: "unavailable",
    reason: "there is no /nowhere/python3 here",
    remedy: expect.stringContaining("SOFTMAX_BENCH_PYTHON=/path/to/python3"),
  };

  it("costs the cells of references, each with the reason", async () => {
    const out = temporaryFolder();
    const { code } = await run("bench", [...FUSED, "--backend", "wasm-simd,jax", "--out", out], { env });
    expect(code).toBe(0);
    const { backends, cells, hosts } = onlyRun(out).results();
    expect(hosts).toMatchObject([{ id: "python", ...PROBLEM }]);
    expect(backends).toContainEqual(
      expect.objectContaining({ id: "jax", host: "python", reference: true, ...PROBLEM }),
    );
    expect(cells).toMatchObject([
      { backend: "wasm-simd", status: "ok" },
      {
        backend: "jax",
        host: "python",
        status: "unsupported",
        reason: expect.stringContaining(PROBLEM.reason),
      },
    ]);
  });

  it("is what doctor says of them", async () => {
    for (const id of ["pytorch", "jax"]) {
      expect(await examine(id, { env })).toMatchObject({ reference: true, ...PROBLEM });
    }
  });
});

/** Describes runs with PyTorch. Without it that is one skipped test, which says why. */
async function describeWithPytorch(name: string, tests: () => void): Promise<void> {
  const availability = await pytorch.probe();
  if (availability.available) {
    describe(name, tests);
    return;
  }
  const title = `${name}: pytorch is unavailable: ${availability.reason} (${availability.remedy})`;
  if (REQUIRED.includes("pytorch")) it(title, () => expect.unreachable(title));
  else it.skip(title);
}

await describeWithPytorch("a run with PyTorch", () => {
  it("measures every method in both usual dtypes on its own host, and compares it with JavaScript", async () => {
    const out = temporaryFolder();
    const { code, stdout, stderr } = await run("bench", [
      "--full",
      ...CELL,
      "--backend",
      "wasm-simd,pytorch",
      "--out",
      out,
    ]);
    expect(code, stderr).toBe(0);
    const { cells, backends, hosts } = onlyRun(out).results();
    const known = GRAPH_METHODS.map(({ id }) => id as string);
    const own = cells.filter(({ backend, method }) => backend === "pytorch" && known.includes(method));
    expect(own).toHaveLength(GRAPH_METHODS.length * USUAL_DTYPE_IDS.length);
    for (const cell of own) {
      expect(cell).toMatchObject({ host: "python", status: "ok", timing: { gradient: {} } });
      expect(cell.accuracy?.gradient.boundRatio).toBeLessThanOrEqual(1);
    }
    expect(hosts).toMatchObject([{ id: "python", runtime: { name: "Python" } }]);
    expect(backends.find(({ id }) => id === "pytorch")).toMatchObject({
      reference: true,
      engine: { name: "PyTorch", code: "native" },
      settings: { mode: "eager", "CPU capability": expect.any(String) },
    });
    expect(stdout).toMatch(/^float64 +pytorch +manual\/fused /m);
    expect(stdout).toMatch(/^cifar-head-16, float32: .* PyTorch \d/m);
  });

  // ONNX Runtime runs the backward that this project's differentiator wrote; PyTorch differentiates by itself.
  const expectSameGradients = async (network: string) => {
    const out = temporaryFolder();
    const flags = [
      "--network",
      network,
      "--depths",
      "8",
      "--batch",
      "4",
      "--seeds",
      "1",
      "--dtype",
      "float64",
    ];
    const { code, stderr } = await call("depth", [...flags, "--backend", "pytorch", "--out", out]);
    expect(code, stderr).toBe(0);
    const { depth } = onlyRun(out).results();
    expect(depth?.reference).toContain("onnxruntime-cpu in float64");
    expect(depth?.networks).toMatchObject([{ backend: "pytorch", status: "ok" }]);
    const whole = depth?.networks[0]?.whole;
    for (const error of [whole?.error?.autograd.median, whole?.error?.manual.median]) {
      expect(error).toBeGreaterThan(0);
      expect(error).toBeLessThan(1e-14);
    }
  };

  const claimed = "has the gradients of all parameters of a network as ONNX Runtime has them: %s";
  it.each(["mlp", "resnet", "plain"])(claimed, { tags: "nightly" }, expectSameGradients);

  it("trains no networks, and says so", { tags: "nightly" }, async () => {
    const out = temporaryFolder();
    const flags = ["--network", "mlp", "--depths", "2", "--batch", "4", "--seeds", "1", "--dtype", "float32"];
    const args = [...flags, "--train", "2", "--backend", "pytorch", "--out", out];
    const { stdout } = await call("depth", args);
    expect(stdout).toContain("networks are not trained on references");
  });

  const expectOneLost = async (_: string, signal: NodeJS.Signals, status: string, reason: string) => {
    const out = temporaryFolder();
    const size = ["--profile", "smoke", "--dtype", "float32", "--workload", "700x700"];
    const flags = [...size, "--method", MANUAL.join()];
    const running = start(["bench", ...flags, "--backend", "pytorch", "--out", out]);
    await running.says(`[2/${MANUAL.length}]`);
    const [worker] = workersOf(running);
    process.kill(worker as number, signal);
    const { code } = await running.ended;
    expect(code).toBe(1);
    const { cells } = onlyRun(out).results();
    expect(cells).toHaveLength(MANUAL.length);
    expect(cells.filter((cell) => cell.status !== "ok")).toMatchObject([
      { status, reason: expect.stringContaining(reason) },
    ]);
  };
  const claim = "loses one cell when its worker is %s";
  it.each([
    ["killed", "SIGKILL", "crashed", "the worker was killed by SIGKILL"],
    ["stopped", "SIGSTOP", "timeout", "no result after 10 s"],
  ] as const)(claim, { tags: "nightly" }, expectOneLost);
});
