import {
  evaluate,
  exp,
  type Graph,
  input,
  logSoftmax,
  oneHot,
  type Rule,
  rewrite,
  softmaxCrossEntropyLoss,
  type Tensor,
  tensor,
  topologicalOrder,
  type Value,
} from "@softmax-bench/graph";
import { int32, logSoftmaxInSteps, softmaxCrossEntropyLossInSteps } from "@softmax-bench/onnx";
import { describe, expect, it } from "vitest";

// A row of everyday logits, one whose exponentials overflow, and one whose exponentials vanish beside the first.
const logits = tensor("float64", [3, 4], [0.3, -1.2, 0.8, 2.1, 800, 799, 0, -5, -900, 1, -800, 0.7]);
const labels = tensor("int64", [3], [1, 0, 3]);

const graphOf = (make: (x: Value, t: Value) => Graph["outputs"]): Graph => {
  const [x, t] = [input("x", "float64", [3, 4]), input("t", "int64", [3])];
  return { name: "test", inputs: [x, t], outputs: make(x, t) };
};
const operatorsOf = ({ outputs }: Graph): string[] =>
  topologicalOrder(Object.values(outputs)).map(({ op }) => op);

const CASES: readonly [op: string, rule: Rule, graph: Graph][] = [
  ["LogSoftmax", logSoftmaxInSteps, graphOf((x) => ({ rows: logSoftmax(x, 1), columns: logSoftmax(x, 0) }))],
  [
    "SoftmaxCrossEntropyLoss",
    softmaxCrossEntropyLossInSteps,
    graphOf((x, t) => ({ ...softmaxCrossEntropyLoss(x, t) })),
  ],
];

describe.each(CASES)("%s in steps", (op, rule, graph) => {
  const rewritten = rewrite(graph, rule);

  it("is gone, and so is every operator that would bring it back", () => {
    expect(operatorsOf(graph)).toContain(op);
    expect(operatorsOf(rewritten)).not.toContain(op);
    expect(operatorsOf(rewritten)).not.toContain("LogSoftmax");
  });

  it("computes what the operator does, for large logits too", () => {
    expectSame(evaluate(rewritten, { x: logits, t: labels }), evaluate(graph, { x: logits, t: labels }));
  });
});

describe("int32", () => {
  const graph = graphOf((x, t) => ({ onehot: oneHot(t, 4, "float64"), ...softmaxCrossEntropyLoss(x, t) }));
  const narrowed = int32(graph);

  it("takes integers as int32 and leaves the rest", () => {
    expect(narrowed.inputs.map(({ dtype }) => dtype)).toEqual(["float64", "int32"]);
    expect(narrowed.inputs.map(({ shape }) => shape)).toEqual(graph.inputs.map(({ shape }) => shape));
  });

  it("computes the same", () => {
    const asInt32 = tensor("int32", [3], Array.from(labels.data, Number));
    expectSame(evaluate(narrowed, { x: logits, t: asInt32 }), evaluate(graph, { x: logits, t: labels }));
  });

  it("leaves a graph without integers alone", () => {
    const x = input("x", "float64", [2]);
    const plain: Graph = { name: "plain", inputs: [x], outputs: { y: exp(x) } };
    expect(int32(plain)).toEqual(plain);
  });
});

function expectSame(actual: Readonly<Record<string, Tensor>>, expected: Readonly<Record<string, Tensor>>) {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const [name, { shape, data }] of Object.entries(expected)) {
    expect(actual[name]?.shape).toEqual(shape);
    for (const [index, value] of data.entries()) {
      expect(Number(actual[name]?.data[index])).toBeCloseTo(Number(value), 11);
    }
  }
}
