import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { onnxruntimeWebgpu } from "@softmax-bench/adapter-onnxruntime-node";
import { type Engine, GRAPH_METHODS, type GradientTask, type Inputs } from "@softmax-bench/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const { available } = await onnxruntimeWebgpu.probe();

describe.skipIf(!available)("onnxruntime-webgpu", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await onnxruntimeWebgpu.open({ threads: 1 });
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
  });

  it("names the driver that the process has loaded", () => {
    expect(engine.info.device.name).toContain("Vulkan");
    expect(engine.info.device.name).not.toContain("unknown");
  });

  it("has finished a gradient's work when it resolves", async () => {
    await using large = await engine.prepare(taskOf(1024, 1024), inputsOf(1024, 1024));
    await using tiny = await engine.prepare(taskOf(1, 2), inputsOf(1, 2));
    await large.gradient();
    await tiny.read();
    // The device works in order: were it not done with the large gradient, reading the tiny one would wait for it.
    const ratios: number[] = [];
    for (let time = 0; time < 5; time++) {
      const gradient = await milliseconds(() => large.gradient());
      ratios.push((await milliseconds(() => tiny.read())) / gradient);
    }
    // What else the machine does only delays the one or the other.
    expect(Math.min(...ratios)).toBeLessThan(1 / 10);
  });

  it("reads what the last gradient left, and computes nothing", async () => {
    const inputs = inputsOf(3, 5);
    await using prepared = await engine.prepare(taskOf(3, 5), inputs);
    await prepared.gradient();
    const before = await prepared.read();
    inputs.logits.reverse();
    expect(await prepared.read()).toEqual(before);
    await prepared.upload();
    expect(await prepared.read()).not.toEqual(before);
  });

  it("keeps every operator of every method on the device", { tags: "nightly" }, async () => {
    const placements = await placementsOfAllMethods();
    expect(placements.length).toBeGreaterThanOrEqual(GRAPH_METHODS.length);
    for (const placement of placements) expect(placement).toMatch(/^All nodes placed on \[WebGpu/);
  });
});

const taskOf = (rows: number, classes: number): GradientTask => ({
  method: "autograd/shifted",
  dtype: "float32",
  rows,
  classes,
});

const inputsOf = (rows: number, classes: number): Inputs => ({
  logits: Float32Array.from({ length: rows * classes }, (_, index) => (index * 0.618) % 3),
  labels: Int32Array.from({ length: rows }, (_, row) => row % classes),
});

async function milliseconds(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

/** The log lines of ONNX Runtime about each session: it writes them natively, to the process's own stderr, hence a process. */
async function placementsOfAllMethods(): Promise<string[]> {
  const program = `
    import { GRAPH_METHODS } from "@softmax-bench/core";
    import { forWebgpu, OnnxEngine } from "@softmax-bench/onnxruntime";
    import * as runtime from "onnxruntime-node";
    const session = { executionProviders: ["webgpu"], logSeverityLevel: 0 };
    const engine = new OnnxEngine({
      runtime, session, legalize: forWebgpu, keeps: "tensors", info: { dtypes: ["float32"] },
    });
    const inputs = { logits: new Float32Array(6).fill(1), labels: new Int32Array(2) };
    for (const { id: method } of GRAPH_METHODS) {
      const prepared = await engine.prepare({ method, dtype: "float32", rows: 2, classes: 3 }, inputs);
      await prepared.gradient();
    }`;
  const { stderr, stdout } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "--eval", program],
    { maxBuffer: 2 ** 28 },
  );
  return `${stdout}${stderr}`.match(/(All nodes|Node\(s\)) placed on .*/g) ?? [];
}
