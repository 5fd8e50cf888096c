import { METHODS, programFor } from "@softmax-bench/core";
import { evaluate, type Graph, sizeOf, type Tensor, tensor, topologicalOrder } from "@softmax-bench/graph";
import { forCpu, forWebgpu } from "@softmax-bench/onnxruntime";
import { describe, expect, it } from "vitest";

const [rows, classes] = [3, 5];
const logits = tensor(
  "float64",
  [rows, classes],
  Array.from({ length: rows * classes }, (_, index) => ((index * 7) % 11) / 3 - 2),
);
const labels = [4, 0, 2];

const graphs: readonly [string, Graph][] = METHODS.map(({ id: method }) => {
  const program = programFor({ method, dtype: "float64", rows, classes });
  return [method, program.kind === "manual" ? program.gradient : program.forward];
});

const run = (graph: Graph, labelType: "int32" | "int64"): Readonly<Record<string, Tensor>> =>
  evaluate(graph, { logits, labels: tensor(labelType, [rows], labels) });

describe.each(graphs)("%s", (_, graph) => {
  it("computes the same bits when written for the CPU provider", () => {
    expect(run(forCpu(graph), "int64")).toEqual(run(graph, "int64"));
  });

  it("computes the same when written for the WebGPU provider", () => {
    const expected = run(graph, "int64");
    for (const [name, { data }] of Object.entries(run(forWebgpu(graph), "int32"))) {
      for (const [index, value] of data.entries()) {
        expect(Number(value)).toBeCloseTo(Number(expected[name]?.data[index]), 14);
      }
    }
  });

  it("has nothing for the WebGPU provider that would go back to the CPU: no int64, no LogSoftmax", () => {
    const nodes = topologicalOrder(Object.values(forWebgpu(graph).outputs));
    expect(nodes.map(({ op }) => op)).not.toContain("LogSoftmax");
    const wide = nodes.flatMap(({ outputs }) => outputs).filter(({ dtype }) => dtype === "int64");
    expect(wide.map(({ shape }) => sizeOf(shape))).toEqual([]);
  });
});
