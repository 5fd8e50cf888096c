import { readFileSync } from "node:fs";
import {
  evaluate,
  GraphError,
  input,
  legalize,
  optimize,
  sigmoid,
  tensor,
  type Value,
} from "@softmax-bench/graph";
import {
  type ElementLoss,
  type ElementLossOptions,
  elementHead,
  ModelError,
  ONNXRUNTIME_CPU,
  type OutputLoss,
  trainingGraph,
} from "@softmax-bench/onnx";
import { describe, expect, it } from "vitest";
import { runInRuntime } from "./support.js";

interface Case {
  readonly loss: ElementLoss;
  readonly options: ElementLossOptions;
  readonly targets: readonly number[];
  readonly expected: { readonly loss: readonly number[]; readonly gradient: readonly number[] };
}

/** As `losses.py` writes it. */
const {
  output,
  upstream,
  elements,
}: {
  readonly output: readonly number[];
  readonly upstream: readonly number[];
  readonly elements: readonly Case[];
} = JSON.parse(readFileSync(new URL("fixtures/losses.json", import.meta.url), "utf8"));
const SHAPE = [3, 4];

describe("losses of elements are PyTorch's, in the reference interpreter and in ONNX Runtime", () => {
  it.each(elements)("$loss $options", async ({ loss, options, targets, expected }) => {
    const y = input("y", "float64", SHAPE);
    const model = { name: "model", inputs: [y], outputs: { y }, parameters: new Map([["y", y]]) };
    const head: OutputLoss = { takesLogits: false, head: (of) => elementHead(loss, of, options) };
    const graph = optimize(trainingGraph(model, { loss: head }));
    const feeds = {
      y: tensor("float64", SHAPE, output),
      targets: tensor("float64", SHAPE, targets),
      upstream: tensor("float64", SHAPE, upstream),
    };
    const results = [evaluate(graph, feeds), await runInRuntime(legalize(graph, ONNXRUNTIME_CPU), feeds)];
    for (const outputs of results) {
      for (const [name, values] of [
        ["loss", expected.loss],
        ["y.grad", expected.gradient],
      ] as const) {
        const found = Array.from(outputs[name]?.data ?? [], Number);
        expect(found).toHaveLength(values.length);
        for (const [index, value] of values.entries()) {
          const difference = Math.abs((found[index] ?? Number.NaN) - value);
          // A few roundings.
          expect(difference, `${name}[${index}]`).toBeLessThanOrEqual(
            16 * 2 ** -53 * Math.abs(value) + 1e-17,
          );
        }
      }
    }
  });

  it("a loss without cancellation: of a sure and right logit, it is e^-x", () => {
    const x = input("x", "float32", [2]);
    const { loss, inputs } = elementHead("bce-with-logits", x, { reduction: "none" });
    const feeds = {
      x: tensor("float32", [2], [30, -30]),
      targets: tensor("float32", [2], [1, 0]),
      upstream: tensor("float32", [2], [1, 1]),
    };
    const outputs = evaluate({ name: "loss", inputs: [x, ...inputs], outputs: { loss } }, feeds);
    for (const value of outputs.loss?.data ?? []) {
      expect(Math.abs(Number(value) / Math.exp(-30) - 1)).toBeLessThanOrEqual(2 ** -23);
    }
  });
});

describe("a loss on an output refuses", () => {
  const graphWith = (probability: boolean, reduction: ElementLossOptions["reduction"] = "mean") => {
    const x = input("x", "float32", []);
    const y = probability ? sigmoid(x) : x;
    const model = { name: "model", inputs: [x], outputs: { y }, parameters: new Map([["x", x]]) };
    const head = (of: Value) => elementHead("bce-with-logits", of, { reduction });
    return () => trainingGraph(model, { loss: { takesLogits: true, head } });
  };

  it("probabilities in place of logits", () => {
    expect(graphWith(true)).toThrow(ModelError);
    expect(graphWith(true)).toThrow('"y" comes out of Sigmoid, and the loss takes logits');
  });

  it("a batch that is not there", () => {
    expect(graphWith(false, "batchmean")).toThrow(GraphError);
    expect(graphWith(false, "batchmean")).toThrow("batchmean needs an output with an axis for the batch");
  });

  it("a delta of 0", () => {
    const made = () => elementHead("huber", input("y", "float32", [2]), { delta: 0 });
    expect(made).toThrow("delta must be above 0, got 0");
  });
});
