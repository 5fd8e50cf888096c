import {
  add,
  differentiate,
  evaluate,
  type Graph,
  gather,
  input,
  matMul,
  mul,
  optimize,
  reduceSum,
  scalar,
  sizeOf,
  softmax,
  sub,
  tensor,
  topologicalOrder,
  transpose,
  transposeMatrices,
  type Value,
} from "@softmax-bench/graph";
import { describe, expect, it } from "vitest";

const graphOf = (inputs: readonly Value[], outputs: Record<string, Value>): Graph => ({
  name: "step",
  inputs,
  outputs,
});
const nodesOf = ({ outputs }: Graph) => topologicalOrder(Object.values(outputs));
const feedsFor = ({ inputs }: Graph) =>
  Object.fromEntries(
    inputs.map(({ node, dtype, shape }, at) => [
      String(node.attributes.name),
      tensor(
        dtype,
        shape,
        Array.from({ length: sizeOf(shape) }, (_, index) =>
          dtype === "int64" ? (index * 5 + at) % 7 : Math.sin(3 * index + at),
        ),
      ),
    ]),
  );

/** Compares all outputs of a graph before and after optimisation. */
function expectSame(graph: Graph): void {
  const [before, after] = [graph, optimize(graph)].map((of) => evaluate(of, feedsFor(graph)));
  for (const [name, { data }] of Object.entries(before ?? {})) {
    for (const [index, value] of data.entries())
      expect(Number(after?.[name]?.data[index])).toBeCloseTo(Number(value), 12);
  }
}

describe("an update of an embedding", () => {
  const table = input("table", "float64", [7, 3]);
  const labels = input("labels", "int64", [2, 4]);
  const rate = input("rate", "float64", []);
  const y = gather(table, labels, 0);
  const [gradient] = differentiate(reduceSum(mul(y, y)), [table]) as [Value];

  it.each([
    ["SGD", sub(table, mul(rate, gradient))],
    ["a sum with another gradient", add(mul(table, table), mul(gradient, rate))],
  ])("adds rows to what is moved, and makes no gradient of its size: %s", (_, next) => {
    const graph = graphOf([table, labels, rate], { next });
    const nodes = nodesOf(optimize(graph));
    expect(nodes.filter(({ op }) => op === "ScatterElements")).toHaveLength(1);
    expect(
      nodes.filter(({ op }) => op === "Expand").map(({ outputs: [of] }) => of?.shape),
    ).not.toContainEqual([7, 3]);
    expectSame(graph);
  });

  it("stays where the gradient itself is wanted, or a factor is not one number", () => {
    const kept = graphOf([table, labels], { gradient, weighted: mul(gradient, table) });
    expect(nodesOf(optimize(kept)).some(({ op }) => op === "Mul")).toBe(true);
    expectSame(kept);
  });
});

describe("the gradient of attention", () => {
  const [q, k, v] = ["q", "k", "v"].map((name) => input(name, "float64", [2, 5, 3])) as [Value, Value, Value];
  const p = softmax(matMul(q, transposeMatrices(k)), 2);
  const loss = (y: Value) => reduceSum(mul(mul(y, y), scalar(0.5, "float64")));
  const gradientsOf = (result: Value, wrt: readonly Value[]) =>
    Object.fromEntries(differentiate(loss(result), wrt).entries());
  const sumsOf = (graph: Graph) =>
    nodesOf(graph).filter(
      ({ op, inputs: [x], attributes }) =>
        op === "ReduceSum" && String(attributes.axes) === "2" && x?.shape.at(-1) === 5,
    );

  it("sums as many columns as the values have, of the result that is there", () => {
    const graph = graphOf([q, k, v], gradientsOf(matMul(p, v), [q, k, v]));
    expect(sumsOf(graph)).toHaveLength(1);
    const optimized = optimize(graph);
    expect(sumsOf(optimized)).toHaveLength(0);
    const products = (of: Graph) => nodesOf(of).filter(({ op }) => op === "MatMul").length;
    expect(products(optimized)).toBe(products(graph));
    expectSame(graph);
  });

  it("stays with values that are wider, or shared by all", () => {
    const wide = input("w", "float64", [2, 5, 6]);
    const shared = input("s", "float64", [5, 3]);
    for (const value of [wide, shared]) {
      const graph = graphOf([q, k, value], gradientsOf(matMul(p, value), [q, k, value]));
      expect(sumsOf(optimize(graph))).toHaveLength(1);
      expectSame(graph);
    }
  });

  it("is the same where heads are transposed first", () => {
    const heads = input("h", "float64", [5, 2, 3]);
    const graph = graphOf([q, k, heads], gradientsOf(matMul(p, transpose(heads, [1, 0, 2])), [q, heads]));
    expect(sumsOf(optimize(graph))).toHaveLength(0);
    expectSame(graph);
  });
});
