import { evaluate, type Tensor, tensor } from "@softmax-bench/graph";
import { parseModel, trainingGraph } from "@softmax-bench/onnx";
import { describe, expect, it } from "vitest";
import { attribute, DOUBLE, FLOAT, floats, ints, modelOf, type NodeInit } from "./build-model.js";
import { expectClose, numbers } from "./support.js";

const node = (
  opType: string,
  input: string[],
  output: string,
  attributes: Record<string, number> = {},
): NodeInit => ({
  ...{ opType, name: `make ${output}`, input, output: [output] },
  attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
});
const [scale, offset] = [floats("scale", [3], [1, 0.5, 2]), floats("offset", [3], [0.25, -0.5, 1])];

/** Loss and gradients of batch normalisation by statistics that some nodes make. */
function trained(statistics: readonly NodeInit[], mean = "mean", variance = "variance") {
  const bytes = modelOf({
    shape: [4, 3],
    tensors: [scale, offset, ints("threes", [3])],
    nodes: [...statistics, node("BatchNormalization", ["x", "scale", "offset", mean, variance], "y")],
  });
  const model = parseModel(bytes);
  const stored = [...model.initializers].map(([name, of]) => [name, of.read()] as const);
  const feeds: Record<string, Tensor> = {
    ...Object.fromEntries(stored),
    x: tensor("float32", [4, 3], numbers(12)),
    labels: tensor("int64", [4], [0, 2, 1, 0]),
  };
  return evaluate(trainingGraph(model.graph()), feeds);
}

describe("statistics that are frozen", () => {
  const constants = (name: string, values: readonly number[]): NodeInit => ({
    opType: "Constant",
    output: [name],
    attribute: [attribute("value", floats("", [3], values))],
  });
  const expected = trained([constants("mean", [0.25, -0.5, 1]), constants("variance", [1, 0.5, 2])]);

  // The exporter of PyTorch stores equal tensors once: a fresh layer's running mean is its bias.
  it.each<[string, readonly NodeInit[], string?, string?]>([
    ["parameters themselves", [], "offset", "scale"],
    ["copies of parameters", [node("Identity", ["offset"], "mean"), node("Identity", ["scale"], "variance")]],
    [
      "what is computed from parameters",
      [
        node("Cast", ["offset"], "wide", { to: DOUBLE }),
        node("Cast", ["wide"], "mean", { to: FLOAT }),
        node("Reshape", ["scale", "threes"], "shaped"),
        node("Identity", ["shaped"], "variance"),
      ],
    ],
  ])("pass no gradient on: %s", (_, nodes, mean, variance) => {
    expectClose(trained(nodes, mean, variance), expected, 1e-7);
  });
});

describe("what is a parameter", () => {
  const tensors = [floats("w", [3, 2], numbers(6)), floats("only", [3], [1, 2, 3]), ints("two", [2])];
  const parametersOf = (nodes: readonly NodeInit[], outputs = ["y"]) => [
    ...parseModel(modelOf({ nodes, tensors, outputs })).graph().parameters.keys(),
  ];
  const product = node("MatMul", ["x", "w"], "y");

  it.each<[string, readonly NodeInit[], string[]]>([
    ["a stored tensor that the output depends on", [product], ["w"]],
    ["one behind other nodes", [node("Identity", ["w"], "v"), node("MatMul", ["x", "v"], "y")], ["w"]],
    ["none that only its shape is read of", [node("Shape", ["only"], "s"), product], ["w"]],
    ["none that no output depends on", [node("Exp", ["only"], "e"), product], ["w"]],
    [
      "none that is frozen",
      [
        node("Identity", ["only"], "mean"),
        node("BatchNormalization", ["x", "only", "only", "mean", "mean"], "z"),
        product,
      ],
      ["w"],
    ],
  ])("%s", (_, nodes, expected) => {
    expect(parametersOf(nodes)).toEqual(expected);
  });

  it("a limit that a stored number makes is known", () => {
    const stored = [floats("most", [], [1])];
    const nodes = [node("Identity", ["most"], "limit"), node("Clip", ["x", "", "limit"], "y")];
    const graph = parseModel(modelOf({ nodes, tensors: stored })).graph();
    expect([...graph.parameters.keys()]).toEqual([]);
    const { y } = evaluate(graph, { x: tensor("float32", [2, 3], [0, 1, 2, -1, 0.5, 3]) });
    expect(Array.from(y?.data ?? [], Number)).toEqual([0, 1, 1, -1, 0.5, 1]);
  });
});
