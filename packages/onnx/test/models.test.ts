import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
  type Model,
  ONNXRUNTIME_CPU,
  serialize,
  serializeBatched,
  trainingGraph,
} from "@softmax-bench/onnx";
import { loadModel } from "@softmax-bench/onnx/node";
import { describe, expect, it } from "vitest";
import { complaints, hasChecker } from "./onnx-checker.js";
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
  "volumes-opset17",
  "mixture-opset18",
  "residual-opset9",
  "recurrent-opset9",
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

  it.runIf(hasChecker)("and passes the ONNX checker, the batch size left open or fixed", () => {
    const folder = mkdtempSync(join(tmpdir(), "onnx-models-"));
    try {
      const legal = (size: number) => legalize(graphOf(size), ONNXRUNTIME_CPU);
      writeFileSync(join(folder, "open.onnx"), serializeBatched(legal));
      writeFileSync(join(folder, "fixed.onnx"), serialize(legal(batch)));
      writeFileSync(join(folder, "as-written.onnx"), serialize(graph));
      expect(complaints(folder)).toBe("");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("and with the batch size fixed", async () => {
    checkAgainstPyTorch(await runModel(serialize(legalize(optimize(graph), ONNXRUNTIME_CPU)), feeds));
  });
});

describe("operator sets before 13", () => {
  const stepOf = (name: string): Uint8Array => {
    const model = loadModel(at(`${name}.onnx`).pathname);
    return serialize(optimize(trainingGraph(model.graph({ batch: 3 })), { fold: false }));
  };

  it.each([
    ["residual", 9, 17],
    ["residual", 10, 17],
    ["residual", 11, 17],
    ["recurrent", 7, 17],
    ["recurrent", 9, 17],
    ["recurrent", 11, 17],
    ["training", 9, 16],
  ])("%s has the training graph in operator set %i that it has in %i", (name, old, newer) => {
    expect(stepOf(`${name}-opset${old}`)).toEqual(stepOf(`${name}-opset${newer}`));
  });
});
