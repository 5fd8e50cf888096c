import { createHash } from "node:crypto";
import {
  type Backend,
  type Engine,
  type FloatDType,
  type GradientResult,
  type GradientTask,
  type Inputs,
  METHODS,
  type Method,
} from "@softmax-bench/core";
import { oracle } from "@softmax-bench/numerics";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { errorBounds } from "./bounds.js";
import { CASES, type Case, expectation } from "./cases.js";

export interface DescribeOptions {
  /** Live objects on the runtime's side (tensors, buffers); must return to where it was after disposal. */
  readonly liveObjects?: () => number;
  /** Where exponentials and logarithms in float64 are accurate to another dtype's roundoff only. */
  readonly float64Precision?: FloatDType;
}

const DTYPES: readonly FloatDType[] = ["float32", "float64"];

/**
 * The one suite that every adapter passes. Where the backend is unavailable the suite is one skipped test that
 * says why – or fails, if the environment variable SOFTMAX_BENCH_REQUIRED_BACKENDS names the backend.
 */
export async function describeBackend(backend: Backend, options: DescribeOptions = {}): Promise<void> {
  const availability = await backend.probe();
  if (!availability.available) {
    const { reason, remedy } = availability;
    const title = `backend ${backend.id} is unavailable: ${reason} (${remedy})`;
    if (isRequired(backend.id)) it(title, () => expect.unreachable(title));
    else it.skip(title);
    return;
  }
  describe(`backend ${backend.id}`, () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await backend.open({ threads: 1 });
    });
    afterAll(async () => {
      await engine[Symbol.asyncDispose]();
    });

    it("names its engine, version, device and dtypes", () => {
      expect(engine.info.engine.name).not.toBe("");
      expect(engine.info.engine.version).toMatch(/^\d+\.\d+/);
      expect(engine.info.device.name).not.toBe("");
      expect(engine.info.threads).toBeGreaterThan(0);
      expect(backend.dtypes).toEqual(expect.arrayContaining([...engine.info.dtypes]));
    });

    const precisionOf = { float32: "float32", float64: options.float64Precision ?? "float64" } as const;
    for (const method of METHODS) {
      for (const dtype of DTYPES.filter((candidate) => backend.dtypes.includes(candidate))) {
        describe(`${method.id} ${dtype}`, () => {
          for (const input of CASES) checkCase(() => engine, method, dtype, input, precisionOf[dtype]);
        });
      }
    }

    it("says why, before anything is compiled, where it does not support a task", async () => {
      for (const { id } of METHODS) {
        for (const dtype of DTYPES) {
          const task = taskOf(id, dtype, ORDINARY);
          const support = engine.supports(task);
          if (support.ok) continue;
          expect(support.reason).not.toBe("");
          await expect(engine.prepare(task, inputsOf(dtype, ORDINARY))).rejects.toThrow();
        }
      }
    });

    it("computes the same bits twice", async () => {
      const digests = new Set<string>();
      for (let time = 0; time < 2; time++)
        digests.add(digest(await compute(engine, "manual/fused", ORDINARY)));
      expect(digests.size).toBe(1);
    });

    it("sees changed inputs after upload", async () => {
      const inputs = inputsOf("float32", ORDINARY);
      await using prepared = await engine.prepare(taskOf("manual/shifted", "float32", ORDINARY), inputs);
      await prepared.gradient();
      const before = await prepared.read();
      inputs.logits.reverse();
      await prepared.upload();
      await prepared.gradient();
      const after = await prepared.read();
      const { rows, classes } = ORDINARY;
      expect(after.loss).toBeCloseTo(oracle(inputs.logits, inputs.labels, rows, classes).loss.hi, 5);
      expect(digest(after)).not.toBe(digest(before));
    });

    it("gives back what it takes, over 200 runs", async () => {
      const run = async () => {
        for (const method of ["autograd/shifted", "manual/exact-target"] as const) {
          await compute(engine, method, ORDINARY);
        }
      };
      for (let warmup = 0; warmup < 20; warmup++) await run();
      const [objects, memory] = [options.liveObjects?.(), process.memoryUsage.rss()];
      for (let count = 0; count < 100; count++) await run();
      expect(options.liveObjects?.()).toBe(objects);
      expect(process.memoryUsage.rss() - memory).toBeLessThan(64 * 2 ** 20);
    }, 60_000);
  });
}

const isRequired = (id: string): boolean =>
  (process.env.SOFTMAX_BENCH_REQUIRED_BACKENDS ?? "").split(",").includes(id);

const ORDINARY = CASES[0] as Case;

function checkCase(
  engineOf: () => Engine,
  method: Method,
  dtype: FloatDType,
  input: Case,
  precision: FloatDType,
): void {
  const formulation = method.formulation.id;
  const expected = expectation(method, dtype, input);
  if (expected === "unspecified") return;
  if (expected === "non-finite") {
    it(`returns non-finite values, as its formula does, for ${input.name}`, async () => {
      const { gradient } = await compute(engineOf(), method.id, input, dtype);
      expect(gradient.some((value) => !Number.isFinite(value))).toBe(true);
    });
    return;
  }
  it(`is within its error bound for ${input.name}`, async () => {
    const { loss, gradient } = await compute(engineOf(), method.id, input, dtype);
    const { logits, labels } = inputsOf(dtype, input);
    const exact = oracle(logits, labels, input.rows, input.classes);
    const bounds = errorBounds(formulation, precision, input);
    expect(gradient.length).toBe(input.logits.length);
    for (const [index, value] of gradient.entries()) {
      const error = Math.abs(value - (exact.gradient.hi[index] as number)) * input.rows;
      expect(error, `gradient[${index}] = ${value}`).toBeLessThanOrEqual(bounds.gradient);
    }
    expect(Math.abs(loss - exact.loss.hi)).toBeLessThanOrEqual(bounds.loss * Math.max(1, exact.loss.hi));
  });
}

const taskOf = (method: Method["id"], dtype: FloatDType, { rows, classes }: Case): GradientTask => ({
  method,
  dtype,
  rows,
  classes,
});

const inputsOf = (dtype: FloatDType, { logits, labels }: Case): Inputs => ({
  logits: dtype === "float32" ? Float32Array.from(logits) : Float64Array.from(logits),
  labels: Int32Array.from(labels),
});

async function compute(
  engine: Engine,
  method: Method["id"],
  input: Case,
  dtype: FloatDType = "float32",
): Promise<GradientResult> {
  await using prepared = await engine.prepare(taskOf(method, dtype, input), inputsOf(dtype, input));
  await prepared.forward();
  await prepared.gradient();
  return await prepared.read();
}

function digest({ gradient: { buffer, byteOffset, byteLength } }: GradientResult): string {
  return createHash("sha256")
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest("hex");
}
