import {
  add,
  cast,
  constant,
  constantTensor,
  differentiate,
  div,
  evaluate,
  exp,
  expand,
  findDefinition,
  foldConstants,
  type Graph,
  identity,
  input,
  logSoftmax,
  matMul,
  mergeCommonSubexpressions,
  mul,
  neg,
  oneHot,
  operatorNames,
  optimize,
  pad,
  reduceSum,
  reshape,
  rewrite,
  scalar,
  simplify,
  slice,
  stopGradient,
  sub,
  type Tensor,
  tensor,
  topologicalOrder,
  transpose,
  type Value,
  withBudget,
} from "@softmax-bench/graph";
import { describe, expect, it } from "vitest";

const x = input("x", "float32", [2, 3]);
const column = input("c", "float32", [2, 1]);
const labels = input("t", "int64", [2]);
const feeds = {
  x: tensor("float32", [2, 3], [1.1, -2.3, 0, 4.7, 5.9, -6.1]),
  c: tensor("float32", [2, 1], [0.1, -0.7]),
  t: tensor("int64", [2], [2, -1]),
};
const graphOf = (...values: readonly Value[]): Graph => ({
  name: "test",
  inputs: [x, column, labels],
  outputs: Object.fromEntries(values.entries()),
});
const operatorsOf = ({ outputs }: Graph): string[] =>
  topologicalOrder(Object.values(outputs))
    .map(({ op }) => op)
    .filter((op) => op !== "Input" && op !== "Constant");

/** Compares bits, but for the sign of 0. */
function expectSame(actual: Graph, expected: Graph): void {
  const [a, e] = [evaluate(actual, feeds), evaluate(expected, feeds)];
  for (const [name, { shape, data }] of Object.entries(e)) {
    expect(a[name]?.shape).toEqual(shape);
    const numbers = (values: Tensor["data"] | undefined) =>
      Array.from((values ?? []) as ArrayLike<number | bigint>, (value) => Number(value) + 0);
    expect(numbers(a[name]?.data)).toEqual(numbers(data));
  }
}

describe("simplify", () => {
  const [one, zero] = [scalar(1, "float32"), scalar(0, "float32")];
  it.each<[string, Value, string[]]>([
    ["Identity", identity(exp(x)), ["Exp"]],
    ["· 1", mul(mul(one, x), expand(one, [2, 3])), []],
    ["/ 1", div(x, one), []],
    ["+ 0 and − 0", sub(add(zero, x), zero), []],
    ["· −1", mul(x, scalar(-1, "float32")), ["Neg"]],
    ["− −", neg(neg(x)), []],
    ["a − −b", sub(x, neg(column)), ["Add"]],
    ["a + −b", add(x, neg(column)), ["Sub"]],
    ["a Reshape of a Reshape", reshape(reshape(x, [6]), [3, 2]), ["Reshape"]],
    ["a Reshape back", reshape(reshape(x, [6]), [2, 3]), []],
    ["an Expand of an Expand", expand(expand(column, [2, 3]), [4, 2, 3]), ["Expand"]],
    ["a Transpose back", transpose(transpose(x)), []],
    [
      "a Transpose of a Transpose",
      transpose(transpose(reshape(x, [2, 3, 1]), [1, 2, 0]), [1, 2, 0]),
      ["Reshape", "Transpose"],
    ],
    ["a Pad by nothing and a Slice of everything", pad(slice(x, 1, 0, 3), [0, 0, 0, 0]), []],
    ["an Expand that the operator does by itself", mul(expand(column, [2, 3]), x), ["Mul"]],
    ["an Expand before an elementwise operator", exp(expand(column, [2, 3])), ["Exp", "Expand"]],
    ["Expands of both operands", mul(expand(column, [2, 3]), expand(one, [2, 3])), ["Expand"]],
    ["a bool Cast to what it is", cast(cast(x, "float32"), "float32"), []],
  ])("%s", (_, value, expected) => {
    const graph = graphOf(value);
    const simple = rewrite(rewrite(rewrite(graph, simplify), simplify), simplify);
    expect(operatorsOf(simple).sort()).toEqual(expected.sort());
    expectSame(simple, graph);
  });

  it.each<[string, Value]>([
    ["a one-hot matrix", reduceSum(oneHot(labels, 3, "float32"), { axes: [1] })],
    [
      "and of a factor per row",
      reduceSum(mul(oneHot(labels, 3, "float32"), column), { axes: [1], keepdims: true }),
    ],
    [
      "and of one factor",
      reduceSum(mul(scalar(0.3, "float32"), oneHot(labels, 3, "float32")), { axes: [1] }),
    ],
  ])("sums the rows of %s without making it, for labels that are no class, too", (_, value) => {
    const graph = graphOf(value);
    const simple = rewrite(graph, simplify);
    expect(operatorsOf(simple)).not.toContain("OneHot");
    expectSame(simple, graph);
  });

  it.each<[string, Value]>([
    ["a factor per column", reduceSum(mul(oneHot(labels, 3, "float32"), x), { axes: [1] })],
    ["the sum over rows", reduceSum(oneHot(labels, 3, "float32"), { axes: [0] })],
    ["· 1 that broadcasts", mul(column, constant(tensor("float32", [1, 3], [1, 1, 1])))],
    ["StopGradient, which differentiation must see", stopGradient(x)],
  ])("leaves %s", (_, value) => {
    expect(rewrite(graphOf(value), simplify).outputs[0]).toBe(value);
  });
});

describe("mergeCommonSubexpressions", () => {
  it("computes once what is written twice, constants included", () => {
    const same = () => exp(mul(x, scalar(2, "float32")));
    const graph = graphOf(add(same(), same()), same());
    const merged = rewrite(rewrite(graph, mergeCommonSubexpressions()), mergeCommonSubexpressions());
    const optimized = optimize(graph);
    expect(operatorsOf(optimized)).toEqual(["Mul", "Exp", "Add"]);
    expectSame(merged, graph);
    expectSame(optimized, graph);
  });

  it("tells apart attributes, zeros of either sign, dtypes and inputs", () => {
    const different = [
      ...[reduceSum(x, { axes: [0] }), reduceSum(x, { axes: [1] })],
      ...[mul(x, scalar(0, "float32")), mul(x, scalar(-0, "float32"))],
      ...[mul(x, column), mul(column, x)],
    ];
    const merged = rewrite(graphOf(...different), mergeCommonSubexpressions());
    expect(Object.values(merged.outputs)).toEqual(different);
  });
});

describe("foldConstants", () => {
  it("computes what no input changes, rounded once", () => {
    const third = div(scalar(1, "float32"), scalar(3, "float32"));
    const folded = rewrite(graphOf(mul(x, third)), foldConstants);
    expect(operatorsOf(folded)).toEqual(["Mul"]);
    const { data } = constantTensor(folded.outputs[0]?.node.inputs[1]?.node as Value["node"]);
    expect(Number(data[0])).toBe(Math.fround(1 / 3));
  });

  it("leaves a large product to the runtime", () => {
    const matrix = constant(tensor("float32", [1000, 1000], new Array(1e6).fill(1)));
    const product = matMul(matrix, matrix);
    expect(rewrite(graphOf(product), foldConstants).outputs[0]).toBe(product);
  });

  it("computes no more than the budget has steps for, and leaves the rest to the runtime", () => {
    const matrix = constant(tensor("float32", [100, 100], new Array(1e4).fill(1)));
    const products = Array.from({ length: 20 }, () => matMul(matrix, matrix));
    // Each takes 10^6 multiplications and reads and writes 3 · 10^4 elements; a budget has 2 steps for each of its elements.
    const folded = withBudget(4e6, () => rewrite(graphOf(...products), foldConstants));
    const isFolded = ({ node }: Value) => node.op === "Constant";
    expect(Object.values(folded.outputs).map(isFolded)).toEqual(products.map((_, at) => at < 7));
    const all = rewrite(graphOf(...products), foldConstants);
    expect(Object.values(all.outputs).every(isFolded)).toBe(true);
  });

  it("leaves to the runtime what would make the model larger", () => {
    const large = expand(scalar(1, "float32"), [1000, 1000]);
    expect(rewrite(graphOf(large), foldConstants).outputs[0]).toBe(large);
  });
});

describe("optimize", () => {
  it("looks at the elements of a constant once, however many nodes use it", () => {
    const zeros = constant({ dtype: "int32", shape: [2 ** 24], data: new Int32Array(2 ** 24) });
    const given = input("given", "int32", zeros.shape);
    let sum = given;
    for (let count = 0; count < 5000; count++) sum = add(sum, zeros);
    // As often as it is used would take minutes.
    expect(optimize(graphOf(sum)).outputs[0]).toBe(given);
  });

  it("drops what no output needs: there is nothing else in a graph", () => {
    exp(x);
    expect(operatorsOf(optimize(graphOf(neg(x))))).toEqual(["Neg"]);
  });

  it("leaves the gradient of log-softmax with nothing that the gradient by hand has not", () => {
    const [logits, t] = [input("x", "float32", [2, 3]), labels];
    const loss = neg(reduceSum(mul(logSoftmax(logits, 1), oneHot(t, 3, "float32"))));
    const [gradient] = differentiate(loss, [logits]) as [Value];
    const optimized = optimize({ name: "test", inputs: [logits, t], outputs: { loss, gradient } });
    const whole = topologicalOrder(Object.values(optimized.outputs)).filter(
      ({ op, outputs: [y] }) => op !== "Input" && y?.shape.length === 2 && y.shape[1] === 3,
    );
    // By hand: LogSoftmax, OneHot, their product, Exp, and the difference.
    expect(whole.map(({ op }) => op)).toEqual(["LogSoftmax", "OneHot", "Mul", "Neg", "Exp", "Mul", "Sub"]);
  });
});

it("every operator has a gradient", () => {
  expect(operatorNames().filter((op) => !findDefinition(op).gradient)).toEqual([]);
});
