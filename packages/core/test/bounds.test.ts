import { errorBounds, FAITHFUL, type GradientTask, type Inputs, METHODS } from "@softmax-bench/core";
import { FORMATS } from "@softmax-bench/numerics";
import { describe, expect, it } from "vitest";

const u = 2 ** -24;
const task = (method: GradientTask["method"], classes: number): GradientTask => ({
  method,
  dtype: "float32",
  rows: 1,
  classes,
});
const inputsOf = (logits: number[], label = 0): Inputs => ({
  logits: Float32Array.from(logits),
  labels: Int32Array.of(label),
});
const boundsOf = (method: GradientTask["method"], logits: number[], label = 0) =>
  errorBounds(task(method, logits.length), inputsOf(logits, label), {
    exp: { fixed: 1, perArgument: 0 },
    log: { absolute: 0, relative: 1 },
    division: 1,
  });

describe("errorBounds", () => {
  it("is C + 2 + 2 max|z| roundoffs for a shifted probability, and C + 2 for a plain one", () => {
    // Blanchard, Higham and Higham 2021, theorems 4.3 and 3.2; ours weighs each |z| with its probability, and adds the
    // subtraction of the target, the share 1/N and 1 for a reciprocal.
    const logits = [0, -3, -1, -2];
    const p = logits.map(Math.exp).map((e, _, all) => e / all.reduce((a, b) => a + b));
    const paper = { plain: 4 + 2, shifted: 4 + 2 + 2 * 3 };
    const others = [1, 2, 3];
    for (const c of others) {
      const [plain, shifted] = (["manual/naive", "manual/shifted"] as const).map(
        (method) => (boundsOf(method, logits).gradient[c] as number) / u / (p[c] as number),
      );
      expect(plain).toBeLessThanOrEqual(paper.plain + 4);
      expect(plain).toBeGreaterThan(paper.plain);
      expect(shifted).toBeLessThanOrEqual(paper.shifted + 4);
    }
  });

  it("grows with the largest logit where a library may subtract log Σ exp from the logits as they are", () => {
    const at = (offset: number, method: GradientTask["method"]) =>
      boundsOf(method, [offset, offset - 1]).gradient[1] as number;
    expect(at(1e4, "manual/shifted")).toBeCloseTo(at(0, "manual/shifted"), 12);
    expect(at(1e4, "manual/log-softmax") / at(0, "manual/log-softmax")).toBeGreaterThan(100);
  });

  it("does not depend on the number of classes or the size of the logits for exponentials as pairs", () => {
    const relative = (logits: number[]) => {
      const sum = logits.reduce((all, x) => all + Math.exp(x), 0);
      return (
        (boundsOf("manual/two-pass", logits, 1).gradient[0] as number) /
        u /
        (Math.exp(logits[0] as number) / sum)
      );
    };
    // Two exponentials of 2, a sum of 3, the quotient, and the product with the share's rounding.
    for (const logits of [[1, 2, 3], [30, 1, -70], new Array<number>(5000).fill(0.5)]) {
      expect(relative(logits)).toBeGreaterThan(8);
      expect(relative(logits)).toBeLessThan(11);
    }
  });

  it("of a confident row's loss is relative to it, not to the logits, for exponentials as pairs", () => {
    const { loss } = boundsOf("manual/two-pass", [40, 0]);
    expect(loss[0]).toBeGreaterThan(u * Math.exp(-40));
    expect(loss[0]).toBeLessThan(20 * u * Math.exp(-40));
  });

  it("is relative at a balanced target, absolute where p − 1 cancels", () => {
    const confident = [30, 0];
    expect(boundsOf("manual/exact-target", confident).gradient[0]).toBeLessThan(100 * u * Math.exp(-30));
    expect(boundsOf("manual/shifted", confident).gradient[0]).toBeGreaterThan(u);
  });

  it("adds the whole row at the maximum where the gradient flows through it", () => {
    const logits = [2, 1, 0, -1];
    const through = boundsOf("autograd/shifted", logits, 3).gradient;
    const detached = boundsOf("autograd/shifted-detached", logits, 3).gradient;
    expect(through[0] as number).toBeGreaterThan(2 * (detached[0] as number));
    expect([...through.subarray(1)]).toEqual([...detached.subarray(1)]);
  });

  it("has an entry per logit, and a loss per row where there is one per row", () => {
    const inputs = {
      logits: Float32Array.from({ length: 6 }, (_, index) => Math.sin(index)),
      labels: Int32Array.of(0, 2),
      upstream: Float32Array.of(1, -3),
    };
    for (const { id } of METHODS) {
      const whole = { ...task(id, 3), rows: 2, loss: { reduction: "none" } } as const;
      const { gradient, loss } = errorBounds(whole, inputs);
      expect(gradient).toHaveLength(6);
      expect(loss).toHaveLength(2);
      for (const bound of [...gradient, ...loss]) {
        expect(bound).toBeGreaterThan(0);
        expect(bound).toBeLessThan(1e-4);
      }
    }
  });

  it("is 0 but for underflow where a row is ignored", () => {
    const ignored = { ...task("manual/shifted", 2), loss: { ignoreIndex: -1 } };
    const { gradient } = errorBounds(ignored, inputsOf([1, 2], -1));
    expect(Math.max(...gradient)).toBeLessThan(1e-36);
  });

  it.each(["float16", "bfloat16"] as const)(
    "of %s computed as float32 are float32's, and half a step of the result's rounding",
    (dtype) => {
      const inputs = inputsOf([1, 2, 0.5], 1);
      const half = { ...task("manual/shifted", 3), dtype };
      const widened = errorBounds(half, inputs, { ...FAITHFUL, widensHalf: true });
      const single = errorBounds({ ...half, dtype: "float32" }, inputs);
      const { unitRoundoff } = FORMATS[dtype];
      // p of class 0 and −log p of the label, to 10 digits (bc).
      for (const [value, bound, float32] of [
        [0.2312238976, widened.gradient[0], single.gradient[0]],
        [0.4643687841, widened.loss[0], single.loss[0]],
      ] as [number, number, number][]) {
        expect(bound).toBeGreaterThanOrEqual(value * unitRoundoff + float32);
        expect(bound).toBeLessThan(1.001 * (value * unitRoundoff + float32));
      }
      const own = errorBounds(half, inputs);
      expect(widened.gradient[0]).toBeLessThan((own.gradient[0] as number) / 8);
    },
  );

  it("of float32 and float64 are the same where half precision is widened", () => {
    for (const dtype of ["float32", "float64"] as const) {
      const one = { ...task("manual/shifted", 2), dtype };
      const kernels = { ...FAITHFUL, widensHalf: true };
      expect(errorBounds(one, inputsOf([1, 2], 0), kernels)).toEqual(errorBounds(one, inputsOf([1, 2], 0)));
    }
  });
});
