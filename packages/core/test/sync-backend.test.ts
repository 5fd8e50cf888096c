import { type GradientTask, type Inputs, type SyncGradient, syncBackend } from "@softmax-bench/core";
import { describe, expect, it, vi } from "vitest";

const TASK: GradientTask = { method: "manual/shifted", dtype: "float32", rows: 2, classes: 2 };
const INPUTS: Inputs = { logits: new Float32Array(4), labels: Int32Array.of(0, 1) };

/** ln 2, and (1/2 − t)/N: what two equal logits have. */
const halves: SyncGradient = (_task, _inputs, gradient) => {
  gradient?.set([-0.25, 0.25, 0.25, -0.25]);
  return Math.LN2;
};

const backendOf = (compute: SyncGradient) =>
  syncBackend({ id: "mine", version: "1.0", dtypes: ["float32"], methods: { "manual/shifted": compute } });
const openOf = (compute: SyncGradient) => backendOf(compute).open({ threads: 1 });

describe("a backend that is functions", () => {
  it("says what it has", async () => {
    const backend = backendOf(halves);
    expect(backend).toMatchObject({ id: "mine", dtypes: ["float32"], methods: ["manual/shifted"] });
    expect(await backend.probe()).toEqual({ available: true });
    await using engine = await backend.open({ threads: 8 });
    expect(engine.info).toEqual({
      engine: { name: "mine", version: "1.0", code: "javascript" },
      device: { kind: "cpu", name: "JavaScript" },
      threads: 1,
      dtypes: ["float32"],
    });
  });

  it("returns loss and gradient in the task's dtype", async () => {
    await using engine = await openOf(halves);
    await using prepared = await engine.prepare(TASK, INPUTS);
    expect(await prepared.read()).toEqual({
      loss: Float32Array.of(Math.LN2),
      gradient: Float32Array.of(-0.25, 0.25, 0.25, -0.25),
    });
  });

  it("asks for no gradient where only the loss is wanted, and computes once until inputs change", async () => {
    const compute = vi.fn(halves);
    await using engine = await openOf(compute);
    await using prepared = await engine.prepare(TASK, INPUTS);
    const gradients = () => compute.mock.calls.map(([, , gradient]) => gradient !== undefined);
    await prepared.forward();
    expect(gradients()).toEqual([false]);
    await prepared.gradient();
    await prepared.read();
    expect(gradients()).toEqual([false, true]);
    await prepared.upload();
    await prepared.read();
    expect(gradients()).toEqual([false, true, true]);
  });

  it.each([
    [{ method: "manual/fused" as const }, "mine has manual/shifted only"],
    [{ dtype: "float64" as const }, "mine has float32 only"],
    [{ loss: { reduction: "sum" as const } }, /^mine has the plain loss only/],
    [{ loss: { ignoreIndex: -100 } }, /^mine has the plain loss only/],
    [{ loss: { labelSmoothing: 0.1 } }, /^mine has the plain loss only/],
    [{ loss: { weighted: true } }, /^mine has the plain loss only/],
    [{ loss: { targets: "probabilities" as const } }, /^mine has the plain loss only/],
  ])("refuses what its functions are not for, unless it says otherwise: %o", async (change, reason) => {
    await using engine = await openOf(halves);
    const task = { ...TASK, ...change };
    expect(engine.supports(task)).toEqual({ ok: false, reason: expect.stringMatching(reason) });
    await expect(engine.prepare(task, INPUTS)).rejects.toThrow(reason);
  });

  it("takes the losses that it says it supports", async () => {
    const backend = syncBackend({
      id: "mine",
      version: "1.0",
      dtypes: ["float32"],
      methods: { "manual/shifted": () => [1, 2] },
      supports: () => ({ ok: true, note: "all losses" }),
    });
    await using engine = await backend.open({ threads: 1 });
    const task = { ...TASK, loss: { reduction: "none" as const } };
    expect(engine.supports(task)).toEqual({ ok: true, note: "all losses" });
    await using prepared = await engine.prepare(task, { ...INPUTS, upstream: Float32Array.of(1, 1) });
    expect((await prepared.read()).loss).toEqual(Float32Array.of(1, 2));
  });

  it.each([
    [undefined, "manual/shifted: expected it to return 1 loss, got undefined"],
    [[1, 2], "manual/shifted: expected it to return 1 loss, got 2 losses"],
  ])("is at fault for another number of losses: %j", async (returned, message) => {
    await using engine = await openOf(() => returned as unknown as number);
    await using prepared = await engine.prepare(TASK, INPUTS);
    await expect(prepared.read()).rejects.toMatchObject({ name: "ContractError", message });
  });
});
