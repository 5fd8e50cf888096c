import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Backend, Engine, GradientTask, Inputs, Prepared, PreparedStep } from "@softmax-bench/core";
import { describe, expect, it } from "vitest";
import { inject } from "../dist/gate/validation/injection.js";

const GRADIENT_MS = 20;

/** Members of a runtime that only its class can reach, and one that no interface has. */
class FakePrepared implements Prepared {
  readonly readback = "copies";
  #calls: string[] = [];
  readonly #call = async (name: string): Promise<void> => void this.#calls.push(name);
  upload = () => this.#call("upload");
  forward = () => this.#call("forward");
  async gradient() {
    await this.#call("gradient");
    const end = performance.now() + GRADIENT_MS;
    while (performance.now() < end);
  }
  async read() {
    return { loss: Float64Array.of(2), gradient: Float64Array.of(0.5, -0.5) };
  }
  async roundtrip() {
    await this.gradient();
    return this.read();
  }
  calls(): readonly string[] {
    return this.#calls;
  }
  [Symbol.asyncDispose] = () => this.#call("dispose");
}

class FakeEngine implements Engine {
  readonly info = {
    engine: { name: "fake", version: "1", code: "javascript" },
    device: { kind: "cpu", name: "fake" },
    threads: 1,
    dtypes: ["float64"],
  } as const;
  readonly prepared = new FakePrepared();
  readonly #step = { values: "a step" } as unknown as PreparedStep;
  supports = () => ({ ok: true }) as const;
  prepare = async () => this.prepared;
  async prepareStep() {
    return this.#step;
  }
  liveObjects() {
    return this.prepared.calls().length;
  }
  async [Symbol.asyncDispose]() {}
}

const backend = (engine: Engine): Backend => ({
  id: "fake",
  dtypes: ["float64"],
  probe: async () => ({ available: true }),
  environment: async () => ({ VARIABLE: "value" }),
  open: async () => engine,
});

/** The backend's engine with a slowdown of one half and a relative error of one quarter in one method. */
async function defectiveEngine(engine: Engine): Promise<Engine> {
  const injection = { method: "manual/fused", slowdown: 0.5, gradientError: 0.25 };
  const injected = await inject({ fake: async () => backend(engine) }, injection).fake?.();
  expect(injected?.id).toBe("fake");
  await expect(injected?.environment?.()).resolves.toEqual({ VARIABLE: "value" });
  return (await injected?.open({ threads: 1 })) as Engine;
}

const task = (method: "manual/fused" | "manual/naive") =>
  ({ method, dtype: "float64", rows: 1, classes: 2 }) as const;
const INPUTS = { logits: Float64Array.of(0, 0), labels: Int32Array.of(1) };

/** The time that some work takes, in milliseconds. */
async function elapsed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

describe("an injected defect", () => {
  it("is in the gradient's time and entries, in read and in roundtrip", async () => {
    const engine = await defectiveEngine(new FakeEngine());
    const prepared = await engine.prepare(task("manual/fused"), INPUTS);
    expect(await elapsed(() => prepared.gradient())).toBeGreaterThanOrEqual(1.5 * GRADIENT_MS);
    const expected = { loss: Float64Array.of(2), gradient: Float64Array.of(0.625, -0.625) };
    expect(await prepared.read()).toEqual(expected);
    expect(await elapsed(async () => prepared.roundtrip?.())).toBeGreaterThanOrEqual(1.5 * GRADIENT_MS);
    expect(await prepared.roundtrip?.()).toEqual(expected);
  });

  it("is in no other method", async () => {
    const fake = new FakeEngine();
    const engine = await defectiveEngine(fake);
    expect(await engine.prepare(task("manual/naive"), INPUTS)).toBe(fake.prepared);
  });

  it("leaves every other member of an engine and of what it prepares, optional and unknown ones too", async () => {
    const fake = new FakeEngine();
    const engine = (await defectiveEngine(fake)) as FakeEngine;
    expect(engine.info).toBe(fake.info);
    expect(engine.supports()).toEqual({ ok: true });
    expect(await engine.prepareStep()).toBe(await fake.prepareStep());
    const prepared = (await (engine as Engine).prepare(task("manual/fused"), INPUTS)) as FakePrepared;
    expect(prepared.readback).toBe("copies");
    await prepared.upload();
    await prepared.forward();
    await prepared[Symbol.asyncDispose]();
    expect(prepared.calls()).toEqual(["upload", "forward", "dispose"]);
    expect(engine.liveObjects()).toBe(3);
  });

  it("adds no optional member", async () => {
    const { prepared, info } = new FakeEngine();
    const { upload, forward, gradient, read, readback } = prepared;
    const plain: Prepared = { upload, forward, gradient, read, readback, async [Symbol.asyncDispose]() {} };
    const engine = await defectiveEngine({
      info,
      supports: () => ({ ok: true }),
      prepare: async () => plain,
      async [Symbol.asyncDispose]() {},
    });
    expect("prepareStep" in engine).toBe(false);
    expect(engine.prepareStep).toBeUndefined();
    expect((await engine.prepare(task("manual/fused"), INPUTS)).roundtrip).toBeUndefined();
  });
});

describe("an injected further gradient", () => {
  it("is computed before each gradient of its cell alone, and disposed of with it", async () => {
    const tasks: string[] = [];
    const prepared = new Map<string, FakePrepared>();
    const fake = Object.assign(new FakeEngine(), {
      async prepare({ rows, classes }: GradientTask, { logits }: Inputs) {
        const shape = `${rows}x${classes}`;
        expect(logits).toHaveLength(rows * classes);
        tasks.push(shape);
        const one = new FakePrepared();
        prepared.set(shape, one);
        return one;
      },
    });
    const also = { "fake manual/fused float64 1x2": "3x4" };
    const injected = await inject({ fake: async () => backend(fake) }, { also }).fake?.();
    const engine = (await injected?.open({ threads: 1 })) as Engine;
    const both = await engine.prepare(task("manual/fused"), INPUTS);
    expect(tasks).toEqual(["1x2", "3x4"]);
    await both.gradient();
    await both[Symbol.asyncDispose]();
    for (const shape of tasks) expect(prepared.get(shape)?.calls()).toEqual(["gradient", "dispose"]);
    await engine.prepare(task("manual/naive"), INPUTS);
    expect(tasks).toEqual(["1x2", "3x4", "1x2"]);
  });
});

describe("an injected further gradient that cannot be prepared", () => {
  it("leaves nothing of its cell behind", async () => {
    const fake = new FakeEngine();
    const failing = Object.assign(fake, {
      prepare: async ({ rows }: GradientTask) => {
        if (rows > 1) throw new Error("out of memory");
        return fake.prepared;
      },
    });
    const also = { "fake manual/fused float64 1x2": "3x4" };
    const injected = await inject({ fake: async () => backend(failing) }, { also }).fake?.();
    const engine = (await injected?.open({ threads: 1 })) as Engine;
    await expect(engine.prepare(task("manual/fused"), INPUTS)).rejects.toThrow("out of memory");
    expect(fake.prepared.calls()).toEqual(["dispose"]);
  });
});

describe("fault injection", () => {
  const SOURCES = fileURLToPath(new URL("../src/", import.meta.url));

  it("is reached by nothing but the validation", () => {
    const importers = readdirSync(SOURCES, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .filter((file) => /from ".*\/inject(ion|ed-checkout)\.js"/.test(readFileSync(SOURCES + file, "utf8")));
    expect(importers.sort()).toEqual([
      "gate/validation/carry-out.ts",
      "gate/validation/curve/measure-curve.ts",
      "gate/validation/curve/work.ts",
      "gate/validation/injected-checkout.ts",
    ]);
  });
});
