import { add, constant, input, neg, scalar, serializeGraph, split, tensor } from "@softmax-bench/graph";
import { describe, expect, it } from "vitest";

describe("a graph as JSON", () => {
  const x = input("x", "float32", [2]);

  it("is its inputs, its nodes in an order that can be computed, and its outputs by name", () => {
    const graph = { name: "f", inputs: [x], outputs: { sum: add(x, scalar(0.5, "float32")) } };
    expect(JSON.parse(JSON.stringify(serializeGraph(graph)))).toEqual({
      inputs: ["x"],
      nodes: [
        { op: "Input", inputs: [], attributes: { name: "x" }, outputs: [{ dtype: "float32", shape: [2] }] },
        {
          op: "Constant",
          inputs: [],
          attributes: { value: { dtype: "float32", shape: [], data: [0.5] } },
          outputs: [{ dtype: "float32", shape: [] }],
        },
        {
          op: "Add",
          inputs: [
            [0, 0],
            [1, 0],
          ],
          attributes: {},
          outputs: [{ dtype: "float32", shape: [2] }],
        },
      ],
      outputs: { sum: [2, 0] },
    });
  });

  it("has a node that is used twice once, and refers to each of its outputs", () => {
    const [a, b] = split(x, [1, 1], 0);
    if (!a || !b) return expect.unreachable();
    const graph = { name: "f", inputs: [x], outputs: { sum: add(a, neg(b)) } };
    const { nodes } = serializeGraph(graph);
    expect(nodes.map(({ op, inputs }) => [op, inputs])).toEqual([
      ["Input", []],
      ["Split", [[0, 0]]],
      ["Neg", [[1, 1]]],
      [
        "Add",
        [
          [1, 0],
          [2, 0],
        ],
      ],
    ]);
  });

  it("keeps an input that no output depends on", () => {
    const graph = { name: "f", inputs: [x], outputs: { one: scalar(1, "float32") } };
    expect(serializeGraph(graph)).toMatchObject({ inputs: ["x"], outputs: { one: [1, 0] } });
  });

  it("has numbers that JSON lacks as text", () => {
    const values = [Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, -0, 0.1];
    const floats = constant(tensor("float64", [5], values));
    const integers = constant(tensor("int64", [2], [2n ** 62n + 1n, -3n]));
    const graph = { name: "f", inputs: [], outputs: { floats, integers } };
    const data = serializeGraph(graph).nodes.map(({ attributes }) => attributes.value);
    expect(data).toMatchObject([
      { data: ["NaN", "-Infinity", "Infinity", "-0", 0.1] },
      { data: ["4611686018427387905", -3] },
    ]);
  });
});
