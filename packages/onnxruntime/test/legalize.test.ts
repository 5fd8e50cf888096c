import { GRAPH_METHODS, lossAndGradientGraph, type MethodId, programFor } from "@softmax-bench/core";
import {
  evaluate,
  type FloatDType,
  type Graph,
  sizeOf,
  type Tensor,
  tensor,
  topologicalOrder,
} from "@softmax-bench/graph";
import { forCpu, forWebgpu } from "@softmax-bench/onnxruntime";
import { describe, expect, it } from "vitest";

const [rows, classes] = [3, 5];
const values = Array.from({ length: rows * classes }, (_, index) => ((index * 7) % 11) / 3 - 2);
const labels = [4, 0, 2];

const graphOf = (method: MethodId, dtype: FloatDType): Graph =>
  lossAndGradientGraph(programFor({ method, dtype, rows, classes }));

const run = (graph: Graph, dtype: FloatDType, labelType: "int32" | "int64"): Record<string, Tensor> =>
  evaluate(graph, {
    logits: tensor(dtype, [rows, classes], values),
    labels: tensor(labelType, [rows], labels),
  });

describe.each(GRAPH_METHODS.map(({ id }) => id))("%s", (method) => {
  const double = graphOf(method, "float64");
  // The WebGPU provider has no other dtype.
  const single = graphOf(method, "float32");

  it("computes the same when written for the CPU provider", () => {
    const [actual, expected] = [forCpu(double), double].map((graph) => run(graph, "float64", "int64"));
    expect(Object.keys(expected ?? {}).sort()).toEqual(["gradient", "loss"]);
    for (const [name, { data }] of Object.entries(expected as Record<string, Tensor>)) {
      for (const [index, value] of data.entries()) {
        // Constants are folded with one rounding.
        expect(Number(actual?.[name]?.data[index])).toBeCloseTo(Number(value), 15);
      }
    }
  });

  it("computes the same when written for the WebGPU provider", () => {
    const expected = run(single, "float32", "int64");
    const actual = run(forWebgpu(single), "float32", "int32");
    expect(Object.keys(actual).sort()).toEqual(["gradient", "loss"]);
    for (const [name, { data }] of Object.entries(actual)) {
      for (const [index, value] of data.entries()) {
        expect(Number(value)).toBeCloseTo(Number(expected[name]?.data[index]), 6);
      }
    }
  });

  it("has nothing for the WebGPU provider that would go back to the CPU: no int64, no LogSoftmax", () => {
    const nodes = topologicalOrder(Object.values(forWebgpu(single).outputs));
    expect(nodes.map(({ op }) => op)).not.toContain("LogSoftmax");
    const wide = nodes.flatMap(({ outputs }) => outputs).filter(({ dtype }) => dtype === "int64");
    expect(wide.map(({ shape }) => sizeOf(shape))).toEqual([]);
  });
});
