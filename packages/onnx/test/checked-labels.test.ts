import {
  differentiate,
  evaluate,
  type Graph,
  gather,
  input,
  min,
  rewrite,
  scalar,
  type Tensor,
  tensor,
  type Value,
} from "@softmax-bench/graph";
import { crossEntropyHead } from "@softmax-bench/onnx";
import { expect, it } from "vitest";

const logits = input("logits", "float64", [2, 3]);
const { inputs, loss } = crossEntropyHead(logits, -100);
const [gradient] = differentiate(loss, [logits]) as [Value];
const graph: Graph = { name: "head", inputs: [logits, ...inputs], outputs: { loss, gradient } };

/** As a runtime computes it that reads the last element in place of one beyond it, like some GPUs. */
const unchecked = rewrite(graph, (node, [table, positions]) =>
  node.op === "Gather" && table && positions
    ? [gather(table, min(positions, scalar(2, "int64")), Number(node.attributes.axis))]
    : undefined,
);

const run = (labels: readonly number[]) =>
  evaluate(unchecked, {
    logits: tensor("float64", [2, 3], [1, 2, 0, -1, 0.5, 3]),
    labels: tensor("int64", [2], labels),
  });
const numbersOf = (value: Tensor | undefined) => Array.from(value?.data ?? [], Number);

it.each([-1, -3, 3, -99])("label %d makes loss and gradient NaN where positions are not checked", (label) => {
  const computed = run([1, label]);
  expect(numbersOf(computed.loss)).toEqual([Number.NaN]);
  expect(numbersOf(computed.gradient)).toEqual(new Array(6).fill(Number.NaN));
});

it("labels that are classes or ignored leave them alone", () => {
  const computed = run([1, -100]);
  // ln(1 + e^-1 + e^-2)
  expect(numbersOf(computed.loss)[0]).toBeCloseTo(0.4076059644443804, 15);
  expect(numbersOf(computed.gradient).slice(3).map(Math.abs)).toEqual([0, 0, 0]);
});
