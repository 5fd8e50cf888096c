import { readFileSync } from "node:fs";
import {
  add,
  elementsOf,
  evaluate,
  type Graph,
  GraphError,
  input,
  legalize,
  mul,
  optimize,
  range,
  reduceMean,
  reshape,
  scalar,
  slice,
  type Tensor,
  tensor,
  type Value,
} from "@softmax-bench/graph";
import { gradientName, ONNXRUNTIME_CPU, parseModel, serializeOpen, trainingGraph } from "@softmax-bench/onnx";
import { loadModel } from "@softmax-bench/onnx/node";
import { describe, expect, it } from "vitest";
import { attribute, ints, modelOf, type NodeInit } from "./build-model.js";
import { expectClose, feedsFor, runModel } from "./support.js";

type AttributeInit = ReturnType<typeof attribute>;

/** As `pytorch_models.py` writes it. */
interface Expected {
  readonly shape: readonly [number, number];
  readonly tokens: readonly number[];
  readonly labels: readonly number[];
  readonly loss: number;
  readonly gradients: Readonly<Record<string, readonly [norm: number, projection: number]>>;
}

describe("a language model whose batch and length stay open", () => {
  const at = (name: string) => new URL(`fixtures/${name}`, import.meta.url);
  const model = loadModel(at("language-opset16.onnx").pathname);
  const results: Expected[] = JSON.parse(readFileSync(at("language-opset16.json"), "utf8"));
  const graphOf = (sizes: Readonly<Record<string, number>>) =>
    optimize(trainingGraph(model.graph(sizes)), { fold: false });
  // More than 64 positions, which the model has no row for, are no sizes to compare.
  const bytes = serializeOpen(["batch", "length"], (sizes) => legalize(graphOf(sizes), ONNXRUNTIME_CPU));

  it("names both in its inputs and outputs", () => {
    const written = parseModel(bytes);
    expect(written.inputs[0]?.shape).toEqual(["batch", "length"]);
    expect(written.inputs.at(-1)).toEqual({ name: "labels", dtype: "int64", shape: ["batch", "length"] });
  });

  it.each(results.map((result) => [result.shape.join(" × "), result] as const))(
    "has PyTorch's loss and gradients for %s tokens",
    async (_, { shape, tokens, labels, loss, gradients }) => {
      const outputs = await runModel(bytes, {
        tokens: tensor("int64", shape, tokens),
        labels: tensor("int64", shape, labels),
        ...Object.fromEntries(
          Object.keys(gradients).map((name) => [name, model.initializers.get(name)?.read() as Tensor]),
        ),
      });
      expect(Number(outputs.loss?.data[0])).toBeCloseTo(loss, 12);
      for (const [name, [norm, projection]] of Object.entries(gradients)) {
        const elements = elementsOf(outputs[gradientName(name)] as Tensor).map(Number);
        const found = elements.reduce((sum, element, index) => sum + element * Math.sin(index + 1), 0);
        expect(Math.hypot(...elements), name).toBeCloseTo(norm, 12);
        expect(found, name).toBeCloseTo(projection, 12);
      }
    },
  );
});

describe("numbers that depend on several open sizes", () => {
  const graphOf =
    (make: (x: Value, rows: number, columns: number) => Value) =>
    ({ rows = 1, columns = 1 }: Readonly<Record<string, number>>): Graph => {
      const x = input("x", "float32", [rows, columns, 2]);
      return { name: "test", inputs: [x], outputs: { y: make(x, rows, columns) } };
    };

  it.each<[string, (x: Value, rows: number, columns: number) => Value]>([
    [
      "their product",
      (x, rows, columns) => mul(reshape(x, [rows * columns, 2]), scalar(rows * columns * 2, "float32")),
    ],
    ["a sum", (x, rows, columns) => mul(x, scalar(3 * rows + columns - 2, "float32"))],
    ["a sum of products", (x, rows, columns) => mul(x, scalar(2 * rows * columns - rows + 5, "float32"))],
    ["a square", (x, _, columns) => mul(x, scalar(columns ** 2, "float32"))],
    ["a mean", (x) => reduceMean(x)],
    ["positions", (x, _, columns) => add(x, reshape(range(0, columns, 1, "float32"), [columns, 1]))],
    ["all but one", (x, rows, columns) => slice(slice(x, 1, 1, columns), 0, 0, rows - 1)],
  ])("%s", async (_, make) => {
    const family = graphOf(make);
    const bytes = serializeOpen(["rows", "columns"], family);
    for (const sizes of [
      { rows: 2, columns: 3 },
      { rows: 5, columns: 2 },
    ]) {
      const feeds = feedsFor(family(sizes));
      expectClose(await runModel(bytes, feeds), evaluate(family(sizes), feeds), 1e-6);
    }
  });

  // As BERT takes the first positions of a table of all, and GPT-2 a corner of its causal mask.
  it("parts of a stored table, of at most 32 positions", async () => {
    const node = (
      opType: string,
      names: string[],
      output: string,
      attributes: AttributeInit[] = [],
    ): NodeInit => ({
      opType,
      input: names,
      output: [output],
      attribute: attributes,
    });
    const tensors = [ints("table", [...new Array(32).keys()], [1, 32]), ints("zero", [0]), ints("one", [1])];
    const nodes = [
      node("Shape", ["x"], "length", [attribute("start", 1)]),
      node("Slice", ["table", "zero", "length", "one"], "positions"),
      node("Cast", ["positions"], "numbers", [attribute("to", 1)]),
      node("Add", ["x", "numbers"], "y"),
    ];
    const model = parseModel(modelOf({ shape: ["batch", "length"], tensors, nodes }));
    const bytes = serializeOpen(["batch", "length"], (sizes) => model.graph(sizes));
    const x = tensor("float32", [2, 30], new Array(60).fill(0.5));
    const { y } = await runModel(bytes, { x });
    expect(Array.from(y?.data ?? [], Number)).toEqual(Array.from({ length: 60 }, (_, at) => (at % 30) + 0.5));
  });

  it("refuses a quotient", () => {
    const family = graphOf((x, rows, columns) => mul(x, scalar(rows / columns, "float32")));
    expect(() => serializeOpen(["rows", "columns"], family)).toThrow(GraphError);
    expect(() => serializeOpen(["rows", "columns"], family)).toThrow("which is no sum of products of them");
  });

  it("refuses four open sizes", () => {
    expect(() =>
      serializeOpen(
        ["a", "b", "c", "d"],
        graphOf((x) => x),
      ),
    ).toThrow("4 open sizes are more than 3");
  });
});
