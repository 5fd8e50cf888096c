import { readFileSync } from "node:fs";
import { isFloat, legalize, optimize, type Tensor, tensor } from "@softmax-bench/graph";
import { ONNXRUNTIME_CPU, sgd, trainingGraph, trainingStep } from "@softmax-bench/onnx";
import { loadModel } from "@softmax-bench/onnx/node";
import { expect, it } from "vitest";
import { carriedOver, openSession } from "./training-loop.js";

/** As `batch_norm.py` writes it. */
interface Expected {
  readonly x: readonly number[];
  readonly labels: readonly number[];
  readonly rate: number;
  readonly steps: number;
  readonly after: Readonly<Record<string, readonly number[]>>;
}

const at = (name: string) => new URL(`fixtures/${name}`, import.meta.url);

it("moves running means and variances as PyTorch and ONNX do, those of a layer that is applied twice, too", async () => {
  const { x, labels, rate, steps, after }: Expected = JSON.parse(readFileSync(at("batch-norm.json"), "utf8"));
  const model = loadModel(at("batch-norm.onnx").pathname);
  const training = trainingGraph(model.graph({ batch: labels.length }));
  const step = trainingStep(training, { optimizer: sgd() });
  const session = await openSession(legalize(optimize(step), ONNXRUNTIME_CPU));
  const stored = [...model.initializers].filter(([, of]) => isFloat(of));
  let feeds: Record<string, Tensor> = {
    x: tensor("float64", [labels.length, 3, 4], x),
    labels: tensor("int64", [labels.length], labels),
    learning_rate: tensor("float64", [], [rate]),
    ...Object.fromEntries(stored.map(([name, of]) => [name, of.read()])),
  };
  for (let index = 0; index < steps; index++) feeds = carriedOver(feeds, await session.run(feeds));
  await session.release();
  expect(Object.keys(after)).toContain("second.running_var");
  for (const [name, values] of Object.entries(after)) {
    const size = Math.max(...values.map(Math.abs));
    for (const [index, value] of values.entries()) {
      // 32 roundings in each step.
      const difference = Math.abs(Number(feeds[name]?.data[index]) - value) / size;
      expect(difference, `${name}[${index}]`).toBeLessThanOrEqual(steps * 32 * 2 ** -53);
    }
  }
});
