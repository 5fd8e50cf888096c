import {
  add,
  argMax,
  cast,
  evaluate,
  exp,
  type Graph,
  input,
  mul,
  oneHot,
  range,
  softmaxCrossEntropyLoss,
  tensor,
  topK,
  topologicalOrder,
} from "@softmax-bench/graph";
import { int32 } from "@softmax-bench/onnx";
import { describe, expect, it } from "vitest";
import { expectClose } from "./support.js";

describe("int32", () => {
  const [x, t] = [input("x", "float64", [3, 4]), input("t", "int64", [3])];
  const outputs = { onehot: oneHot(t, 4, "float64"), ...softmaxCrossEntropyLoss(x, t) };
  const graph: Graph = { name: "test", inputs: [x, t], outputs };
  const narrowed = int32(graph);

  it("takes integers as int32 and leaves the rest", () => {
    expect(narrowed.inputs.map(({ dtype }) => dtype)).toEqual(["float64", "int32"]);
    expect(narrowed.inputs.map(({ shape }) => shape)).toEqual(graph.inputs.map(({ shape }) => shape));
  });

  it("computes the same", () => {
    const logits = tensor("float64", [3, 4], [0.3, -1.2, 0.8, 2.1, 800, 799, 0, -5, -900, 1, -800, 0.7]);
    const labels = [1, 0, 3];
    const narrow = evaluate(narrowed, { x: logits, t: tensor("int32", [3], labels) });
    expectClose(narrow, evaluate(graph, { x: logits, t: tensor("int64", [3], labels) }), 0);
  });

  it("narrows the numbers of a range, and positions that operators make", () => {
    const { values, positions } = topK(x, 2, 1);
    const numbers = add(add(positions, argMax(x, 1)), range(3, 5, 1, "int64"));
    const wide: Graph = {
      name: "positions",
      inputs: [x],
      outputs: { y: mul(values, cast(numbers, "float64")) },
    };
    const logits = tensor("float64", [3, 4], [0.3, -1.2, 0.8, 2.1, 800, 799, 0, -5, -900, 1, -800, 0.7]);
    const narrow = int32(wide);
    const uses = topologicalOrder(Object.values(narrow.outputs)).filter(
      ({ op }) => op === "Add" || op === "Range",
    );
    expect(uses.map(({ outputs: [of] }) => of?.dtype)).toEqual(["int32", "int32", "int32"]);
    expectClose(evaluate(narrow, { x: logits }), evaluate(wide, { x: logits }), 0);
  });

  it("leaves a graph without integers alone", () => {
    const plain: Graph = { name: "plain", inputs: [x], outputs: { y: exp(x) } };
    expect(int32(plain)).toEqual(plain);
  });
});
