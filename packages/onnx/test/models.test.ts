import { readFileSync } from "node:fs";
import {
  evaluate,
  inputName,
  isFloat,
  legalize,
  optimize,
  type Tensor,
  tensor,
  type Value,
} from "@softmax-bench/graph";
import {
  gradientName,
  loadModel,
  type Model,
  ONNXRUNTIME_CPU,
  serialize,
  serializeBatched,
  trainingGraph,
} from "@softmax-bench/onnx";
import { describe, expect, it } from "vitest";
import { expectClose, runModel } from "./support.js";

interface Expected {
  readonly x: { readonly shape: readonly [number, ...number[]]; readonly data: readonly number[] };
  readonly labels: readonly number[];
  readonly loss: number;
  readonly logits: readonly number[];
  readonly gradients: Readonly<Record<string, readonly number[]>>;
}

const MODELS = [
  "cnn-opset13",
  "attention-opset17",
  "attention-opset20",
  "signals-opset18",
  "training-opset16",
];
const at = (name: string) => new URL(`fixtures/${name}`, import.meta.url);

/** Inputs, labels and the parameters as the model stores them. */
function feedsFor(model: Model, { x, labels }: Expected): Record<string, Tensor> {
  const [given] = model.inputs;
  const parameters = [...model.initializers].filter(([, stored]) => isFloat(stored));
  return {
    x: tensor(given?.dtype ?? "float64", x.shape, x.data),
    labels: tensor("int64", [labels.length], labels),
    ...Object.fromEntries(parameters.map(([name, stored]) => [name, stored.read()])),
  };
}

describe.each(MODELS)("%s, exported by PyTorch", (name) => {
  const model = loadModel(at(`${name}.onnx`).pathname);
  const expected: Expected = JSON.parse(readFileSync(at(`${name}.json`), "utf8"));
  const [batch] = expected.x.shape;
  const graphOf = (size: number) => optimize(trainingGraph(model.graph({ batch: size })), { fold: false });
  const graph = graphOf(batch);
  const feeds = feedsFor(model, expected);
  const wanted: Record<string, Tensor> = Object.fromEntries(
    graph.inputs.filter(isFloat).flatMap((value: Value) => {
      const numbers = expected.gradients[inputName(value)];
      return numbers ? [[gradientName(inputName(value)), tensor("float64", value.shape, numbers)]] : [];
    }),
  );
  const checkAgainstPyTorch = (outputs: Record<string, Tensor>) => {
    expect(Object.keys(wanted).sort()).toEqual(Object.keys(expected.gradients).map(gradientName).sort());
    expect(outputs.loss?.data[0]).toBeCloseTo(expected.loss, 12);
    const gradients = Object.entries(outputs).filter(([output]) => output.endsWith(".grad"));
    expectClose(Object.fromEntries(gradients), wanted, 1e-11);
  };

  it("has PyTorch's loss and gradients in the reference interpreter", () => {
    checkAgainstPyTorch(evaluate(graph, feeds));
  });

  it("and in ONNX Runtime, with the batch size left open", async () => {
    const bytes = serializeBatched((size) => legalize(graphOf(size), ONNXRUNTIME_CPU));
    checkAgainstPyTorch(await runModel(bytes, feeds));
  });

  it("and with the batch size fixed", async () => {
    checkAgainstPyTorch(await runModel(serialize(legalize(optimize(graph), ONNXRUNTIME_CPU)), feeds));
  });
});
