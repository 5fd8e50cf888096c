import { onnxruntimeCpu } from "@softmax-bench/adapter-onnxruntime-node";
import { errorBounds, type GradientTask, type Inputs } from "@softmax-bench/core";
import { oracle } from "@softmax-bench/numerics";
import { describe, expect, it } from "vitest";

// In float64, as many entries are computed by exponentials of the logits as they are, without Softmax.
const [rows, classes] = [32, 512];

/** Evenly distributed logits in rows with different means. */
const spread = (width: number, mean: number) =>
  Float64Array.from(
    { length: rows * classes },
    (_, index) => mean + Math.floor(index / classes) / 8 + width * (((index * 7919) % 1009) / 1009 - 0.5),
  );

const masked = (logits: Float64Array) =>
  logits.map((logit, index) => ((index % classes) % 3 === 1 ? Number.NEGATIVE_INFINITY : logit));

const CASES: readonly [name: string, logits: Float64Array][] = [
  ["ordinary", spread(8, 0)],
  ["masked", masked(spread(8, 0))],
  ["far above 0", spread(200, 300)],
  ["just above 0, by sums of terms that underflow in part", spread(1500, 720)],
  ["too small for a sum of exponentials", spread(8, -60)],
  ["so small that exponentials are 0", spread(8, -800)],
  ["so large that exponentials overflow", spread(8, 720)],
];

describe.each(CASES)("manual/fused in float64, with logits %s", (_, logits) => {
  it.each(["mean", "sum", "none"] as const)(
    "is within its error bounds with reduction %s",
    async (reduction) => {
      const task: GradientTask = {
        method: "manual/fused",
        dtype: "float64",
        rows,
        classes,
        loss: { reduction },
      };
      const inputs: Inputs = {
        logits,
        labels: Int32Array.from({ length: rows }, (_, row) => (row * 33) % classes).map(
          (label) => label - (label % 3),
        ),
        ...(reduction === "none"
          ? { upstream: Float64Array.from({ length: rows }, (_, row) => row / 16 - 1) }
          : {}),
      };
      await using engine = await onnxruntimeCpu.open({ threads: 2 });
      await using prepared = await engine.prepare(task, inputs);
      const { loss, gradient } = await prepared.read();
      const exact = oracle({ rows, classes, ...inputs, reduction } as Parameters<typeof oracle>[0]);
      const bounds = errorBounds(task, inputs);
      const excess = (values: ArrayLike<number>, exactly: Float64Array, most: Float64Array) =>
        Math.max(
          ...most.map(
            (bound, index) => Math.abs((values[index] as number) - (exactly[index] as number)) / bound,
          ),
        );
      expect(excess(gradient, exact.gradient.hi, bounds.gradient)).toBeLessThanOrEqual(1);
      expect(excess(loss, exact.loss.hi, bounds.loss)).toBeLessThanOrEqual(1);
    },
  );
});
