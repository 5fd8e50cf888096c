import { readFileSync } from "node:fs";
import {
  add,
  evaluate,
  GraphError,
  input,
  jacobianVectorProduct,
  legalize,
  matMul,
  optimize,
  softmax,
  tanh,
  tensor,
} from "@softmax-bench/graph";
import { ModelError, ONNXRUNTIME_CPU, trainingGraph, withProducts } from "@softmax-bench/onnx";
import { describe, expect, it } from "vitest";
import { runInRuntime } from "./support.js";

type Numbers = Readonly<Record<string, readonly number[]>>;

/** As `products.py` writes it. */
const {
  labels,
  values,
  directions,
  hvp,
  jvp,
}: {
  readonly labels: readonly number[];
  readonly values: Numbers;
  readonly directions: Numbers;
  readonly hvp: Numbers;
  readonly jvp: Numbers;
} = JSON.parse(readFileSync(new URL("fixtures/products.json", import.meta.url), "utf8"));

const SHAPES = { x: [5, 4], w1: [4, 6], b1: [6], w2: [6, 3] };

function network() {
  const double = (name: keyof typeof SHAPES) => input(name, "float64", SHAPES[name]);
  const [x, w1, b1, w2] = [double("x"), double("w1"), double("b1"), double("w2")];
  const logits = matMul(softmax(tanh(add(matMul(x, w1), b1)), 1), w2);
  const parameters = new Map(Object.entries({ w1, b1, w2 }));
  return { name: "network", inputs: [x, w1, b1, w2], outputs: { logits }, parameters };
}

describe("products of derivatives and a direction are PyTorch's", () => {
  const training = trainingGraph(network(), { wrt: Object.keys(SHAPES) });
  const graph = optimize(withProducts(training, { hessian: true, jacobian: true }));
  const typed = (numbers: Numbers, suffix = "") =>
    Object.entries(SHAPES).map(([name, shape]) => [
      `${name}${suffix}`,
      tensor("float64", shape, numbers[name] ?? []),
    ]);
  const feeds = {
    ...Object.fromEntries(typed(values)),
    ...Object.fromEntries(typed(directions, ".direction")),
    labels: tensor("int64", [labels.length], labels),
  };
  const expected = [
    ...Object.entries(hvp).map(([name, numbers]) => [`${name}.hvp`, numbers] as const),
    ...Object.entries(jvp).map(([name, numbers]) => [`${name}.jvp`, numbers] as const),
  ];

  it.each([
    ["the reference interpreter", async () => evaluate(graph, feeds)],
    ["ONNX Runtime", () => runInRuntime(legalize(graph, ONNXRUNTIME_CPU), feeds)],
  ] as const)("in %s", async (_, compute) => {
    const outputs = await compute();
    expect(expected).toHaveLength(6);
    for (const [name, numbers] of expected) {
      const found = Array.from(outputs[name]?.data ?? [], Number);
      expect(found).toHaveLength(numbers.length);
      for (const [index, value] of numbers.entries()) {
        expect(found[index], `${name}[${index}]`).toBeCloseTo(value, 13);
      }
    }
  });

  it("take one direction for each value, and nothing else", () => {
    const only = withProducts(training, { jacobian: true });
    expect(only.inputs.slice(training.inputs.length).map(({ node }) => node.attributes.name)).toEqual(
      Object.keys(SHAPES).map((name) => `${name}.direction`),
    );
    expect(Object.keys(only.outputs).filter((name) => name.endsWith(".hvp"))).toEqual([]);
  });
});

it("a direction of another shape is refused", () => {
  const { inputs, outputs } = network();
  const [x] = inputs;
  if (!x) throw new Error("unreachable");
  const made = () => jacobianVectorProduct(outputs.logits, [x], [input("v", "float64", [4, 5])]);
  expect(made).toThrow(GraphError);
  expect(made).toThrow("the direction of a float64[5,4] must have its type, got float64[4,5]");
});

it("a model with one of the names is refused", () => {
  const [x, direction] = [input("x", "float64", [5, 4]), input("x.direction", "float64", [4, 3])];
  const model = {
    name: "model",
    inputs: [x, direction],
    outputs: { logits: matMul(x, direction) },
    parameters: new Map([["x", x]]),
  };
  const made = () => withProducts(trainingGraph(model), { hessian: true });
  expect(made).toThrow(ModelError);
  expect(made).toThrow('the model has a "x.direction" of its own, which the products need');
});
