import { wasmSimd } from "@softmax-bench/adapter-wasm-simd";
import {
  DTYPE_IDS,
  errorBounds,
  type FloatDType,
  floatArrayFrom,
  type GradientTask,
  type Inputs,
  type LossOptions,
  SWEEPS,
} from "@softmax-bench/core";
import { assessGradient, oracle } from "@softmax-bench/numerics";
import { afterAll, describe, expect, it } from "vitest";

const engine = await wasmSimd.open({ threads: 2 });
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

/** Around a vector of either type, around a block, and over several blocks. */
const CLASSES = [1, 2, 3, 4, 5, 9, 1024, 1026, 2051];
const ROWS = 3;
const OPTIONS: readonly Partial<LossOptions>[] = [
  {},
  { weighted: true, ignoreIndex: -100 },
  { labelSmoothing: 0.1 },
  { labelSmoothing: 0.1, weighted: true, reduction: "none" },
  { targets: "probabilities" },
  { targets: "probabilities", labelSmoothing: 0.2, weighted: true, reduction: "sum" },
];

const irregular = (length: number, scale: number, offset = 0): number[] =>
  Array.from({ length }, (_, index) => (((index * 0.6180339887) % 1) - 0.5) * 2 * scale + offset);

function inputsFor(dtype: FloatDType, classes: number, options: Partial<LossOptions>): Inputs {
  const floats = (values: readonly number[]) => floatArrayFrom(dtype, values);
  return {
    logits: floats(irregular(ROWS * classes, 4)),
    labels:
      options.targets === "probabilities"
        ? floats(irregular(ROWS * classes, 0.5, 0.5))
        : Int32Array.of(options.ignoreIndex ?? 0, classes >> 1, classes - 1),
    ...(options.weighted ? { weights: floats(irregular(classes, 1, 1.25)) } : {}),
    ...(options.reduction === "none" ? { upstream: floats([1, -0.5, 2]) } : {}),
  };
}

describe.each(DTYPE_IDS)("%s", (dtype) => {
  it.each(CLASSES)("is within its error bounds for every option, at %i classes", async (classes) => {
    for (const loss of OPTIONS) {
      const inputs = inputsFor(dtype, classes, loss);
      const exact = oracle({ rows: ROWS, classes, ...inputs, ...loss });
      expect(wasmSimd.methods?.length).toBeGreaterThan(0);
      for (const method of wasmSimd.methods ?? []) {
        const task: GradientTask = { method, dtype, rows: ROWS, classes, loss };
        await using prepared = await engine.prepare(task, inputs);
        const computed = await prepared.read();
        const bounds = errorBounds(task, inputs, wasmSimd.kernels);
        for (const of of ["loss", "gradient"] as const) {
          const errors = Array.from(computed[of], (value, index) =>
            Math.abs(value - (exact[of].hi[index] as number)),
          );
          const beyond = errors.findIndex((error, index) => !(error <= (bounds[of][index] as number)));
          const found = `${of}[${beyond}] = ${computed[of][beyond]}`;
          expect(beyond, `${method}, ${JSON.stringify(loss)}: ${found}`).toBe(-1);
        }
      }
    }
  });
});

describe.each(["float32", "float64"] as const)("manual/two-pass in %s", (dtype) => {
  it.each(SWEEPS.map((sweep) => [sweep.id, sweep] as const))(
    "is within 3 ULP of the correctly rounded gradient everywhere along the sweep %s",
    async (_, sweep) => {
      for (const point of sweep.points(dtype)) {
        const { rows, classes } = sweep.shape(point);
        const inputs = sweep.inputs(point, dtype, 0);
        const task: GradientTask = { method: "manual/two-pass", dtype, rows, classes, loss: sweep.loss };
        await using prepared = await engine.prepare(task, inputs);
        const { gradient } = await prepared.read();
        const reference = oracle({ rows, classes, ...inputs, ...sweep.loss });
        const { maxUlp, nonFinite } = assessGradient(gradient, reference, dtype);
        expect(nonFinite).toBe(0);
        expect(maxUlp, `at ${point}`).toBeLessThanOrEqual(3);
      }
    },
  );
});

describe.each(["float16", "bfloat16"] as const)("%s", (dtype) => {
  // Rounding once is half a step, and float32's error less than another half, so an entry is next to the correctly rounded one at most.
  it.each(SWEEPS.map((sweep) => [sweep.id, sweep] as const))(
    "is within 1 ULP everywhere along the sweep %s, subnormal entries included",
    async (_, sweep) => {
      for (const point of sweep.points(dtype)) {
        const { rows, classes } = sweep.shape(point);
        const inputs = sweep.inputs(point, dtype, 0);
        const reference = oracle({ rows, classes, ...inputs, ...sweep.loss });
        for (const method of ["manual/exact-target", "manual/fused", "manual/two-pass"] as const) {
          const task: GradientTask = { method, dtype, rows, classes, loss: sweep.loss };
          await using prepared = await engine.prepare(task, inputs);
          const { gradient } = await prepared.read();
          const { maxUlp } = assessGradient(gradient, reference, dtype);
          expect(maxUlp, `${method} at ${point}`).toBeLessThanOrEqual(1);
        }
      }
    },
  );

  it("returns the same from a round trip as from a read, and sees changed inputs", async () => {
    const inputs = inputsFor(dtype, 1026, { weighted: true, reduction: "none" });
    const task: GradientTask = {
      method: "manual/fused",
      dtype,
      rows: ROWS,
      classes: 1026,
      loss: { weighted: true, reduction: "none" },
    };
    await using prepared = await engine.prepare(task, inputs);
    const before = (await prepared.read()).gradient.slice();
    expect((await prepared.roundtrip?.())?.gradient).toEqual(before);
    inputs.logits.reverse();
    const after = (await prepared.roundtrip?.())?.gradient.slice();
    expect(after).not.toEqual(before);
    await prepared.upload();
    expect((await prepared.read()).gradient).toEqual(after);
  });
});

describe("memory", () => {
  it("is given back on disposal: what does not fit 4 GiB at once fits one after the other", async () => {
    const [rows, classes] = [1, 2 ** 24];
    const inputs = { logits: new Float32Array(rows * classes), labels: Int32Array.of(0) };
    for (let time = 0; time < 40; time++) {
      const task = { method: "manual/fused", dtype: "float32", rows, classes } as const;
      await using prepared = await engine.prepare(task, inputs);
      expect(prepared.readback).toBe("copies");
    }
  });

  it.each([
    ["holds 64 M elements of float64", 65_536, {}, { ok: true }],
    [
      "does not hold three matrices of 1.5 GiB",
      200_000,
      { targets: "probabilities" },
      { ok: false, reason: "needs 4.6 GiB; WebAssembly addresses 4" },
    ],
  ] as const)("%s", (_, rows, loss, expected) => {
    const task: GradientTask = { method: "manual/shifted", dtype: "float64", rows, classes: 1024, loss };
    const support = engine.supports(task);
    expect(support).toMatchObject(expected);
  });

  it("counts the row that a thread computes in float32 where numbers are in half precision", () => {
    const row = { method: "manual/shifted", dtype: "float16", rows: 1, classes: 340_000_000 } as const;
    expect(engine.supports(row)).toMatchObject({ ok: true });
    expect(engine.supports({ ...row, classes: 450_000_000 })).toMatchObject({
      ok: false,
      reason: "needs 5.0 GiB; WebAssembly addresses 4",
    });
  });

  it("counts class weights, and the rows that pass through", () => {
    const row = { method: "manual/shifted", dtype: "float64", rows: 1, classes: 130_000_000 } as const;
    expect(engine.supports(row)).toMatchObject({ ok: true });
    expect(engine.supports({ ...row, loss: { weighted: true } })).toMatchObject({
      ok: false,
      reason: "needs 5.8 GiB; WebAssembly addresses 4",
    });
  });
});
