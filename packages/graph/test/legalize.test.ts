import {
  evaluate,
  findDefinition,
  type Graph,
  GraphError,
  input,
  legalize,
  logSoftmax,
  oneHot,
  operatorNames,
  relu,
  softmax,
  softmaxCrossEntropyLoss,
  tensor,
  topologicalOrder,
} from "@softmax-bench/graph";
import { describe, expect, it } from "vitest";

const [x, t] = [input("x", "float64", [3, 4]), input("t", "int64", [3])];
const outputs = {
  p: softmax(x, 0),
  rows: logSoftmax(x, 1),
  onehot: oneHot(t, 4, "float64"),
  ...softmaxCrossEntropyLoss(x, t),
};
const graph: Graph = { name: "test", inputs: [x, t], outputs };
const operatorsOf = (of: Graph) => new Set(topologicalOrder(Object.values(of.outputs)).map(({ op }) => op));

/** Inputs and constants are nodes, but no operators. */
const bodyOf = (op: string) => (op === "Input" || op === "Constant" ? undefined : findDefinition(op).body);

const both = ["float32", "float64"] as const;
const all = Object.fromEntries(operatorNames().map((op) => [op, both]));
const simple = Object.fromEntries(operatorNames().map((op) => [op, findDefinition(op).body ? [] : both]));

describe("legalize", () => {
  it("leaves what a runtime has kernels for", () => {
    expect(legalize(graph, all)).toBe(graph);
    expect(legalize(graph, { ...all, Softmax: () => both })).toBe(graph);
  });

  it("writes everything in simple operators, bodies of bodies too, and computes the same for large logits", () => {
    const legal = legalize(graph, simple);
    expect([...operatorsOf(graph)].filter(bodyOf)).not.toEqual([]);
    expect([...operatorsOf(legal)].filter(bodyOf)).toEqual([]);
    const feeds = {
      // Everyday logits, one row whose exponentials overflow, and one in which all but one vanish.
      x: tensor("float64", [3, 4], [0.3, -1.2, 0.8, 2.1, 800, 799, 0, -5, -900, 1, -800, 0.7]),
      t: tensor("int64", [3], [1, 0, 3]),
    };
    const [expected, actual] = [evaluate(graph, feeds), evaluate(legal, feeds)];
    for (const [name, { data }] of Object.entries(expected)) {
      for (const [index, value] of data.entries()) {
        expect(Number(actual[name]?.data[index])).toBeCloseTo(Number(value), 11);
      }
    }
  });

  it("names the operator that has neither a kernel nor a body", () => {
    const { Relu: _, ...noRelu } = all;
    const legal = () => legalize({ ...graph, outputs: { y: relu(x) } }, noRelu);
    expect(legal).toThrow(new GraphError("Relu(float64[3,4]): the runtime has no float64 kernel for it"));
  });
});
