import {
  add,
  apply,
  cast,
  constant,
  differentiate,
  div,
  evaluate,
  exp,
  expand,
  type Graph,
  GraphError,
  gatherElements,
  input,
  log,
  logSoftmax,
  mul,
  neg,
  oneHot,
  reduceMax,
  reduceMean,
  reduceSum,
  register,
  reshape,
  scalar,
  scatterElements,
  softmax,
  softmaxCrossEntropyLoss,
  stopGradient,
  sub,
  type Tensor,
  tensor,
  type Value,
} from "@softmax-bench/graph";
import { describe, expect, it } from "vitest";
import { weighted } from "./support.js";

const x = input("x", "float64", [3, 4]);
const bias = input("b", "float64", [4]);
const labels = constant(tensor("int64", [3], [1, 3, 0]));
const column = reshape(labels, [3, 1]);

const FEEDS: Record<string, Tensor> = {
  x: tensor("float64", [3, 4], [0.3, -1.2, 0.8, 2.1, -0.4, 0.9, 1.7, -2.2, 0.05, 1.1, -0.6, 0.7]),
  b: tensor("float64", [4], [0.5, 1.5, 2.5, -0.75]),
};

const run = (outputs: Graph["outputs"], feeds = FEEDS) =>
  evaluate({ name: "test", inputs: [x, bias], outputs }, feeds);

const evaluateAt = (result: Value, feeds: Record<string, Tensor>): number =>
  Number(run({ result }, feeds).result?.data[0]);

const numbersOf = (value: Tensor | undefined): number[] =>
  Array.from(value?.data ?? new Float64Array(0), Number);

/** Central differences: error O(h²) + O(u/h), about 1e-9 for smooth functions of size 1 and h = 1e-5. */
function centralDifferences(result: Value, name: "x" | "b"): number[] {
  const point = FEEDS[name] as Tensor;
  return numbersOf(point).map((_, index) => {
    const at = (step: number) => {
      const data = Float64Array.from(numbersOf(point));
      data[index] = (data[index] as number) + step;
      return evaluateAt(result, { ...FEEDS, [name]: { ...point, data } });
    };
    return (at(1e-5) - at(-1e-5)) / 2e-5;
  });
}

const keep = { axes: [1], keepdims: true };
const SMOOTH: Record<string, Value> = {
  Exp: exp(x),
  Log: log(add(mul(x, x), scalar(1, "float64"))),
  Neg: neg(x),
  "Add, broadcast": add(x, bias),
  "Sub, broadcast": sub(bias, x),
  "Mul, broadcast": mul(x, bias),
  "Div, broadcast": div(x, bias),
  "Div by a value used twice": div(bias, add(mul(x, x), scalar(1, "float64"))),
  "ReduceSum, keeping the axis": mul(reduceSum(exp(x), keep), x),
  "ReduceSum, dropping it": exp(reduceSum(x, { axes: [0] })),
  ReduceMean: exp(reduceMean(x, { axes: [1] })),
  "ReduceMax, without ties": mul(reduceMax(x, keep), x),
  Softmax: softmax(x, 1),
  "Softmax over the first axis": softmax(x, 0),
  LogSoftmax: logSoftmax(x, 1),
  SoftmaxCrossEntropyLoss: softmaxCrossEntropyLoss(x, labels).loss,
  GatherElements: gatherElements(exp(x), column, 1),
  "ScatterElements, overwriting": scatterElements(exp(x), column, reduceSum(x, keep), 1),
  "ScatterElements, adding": scatterElements(exp(x), column, reduceSum(x, keep), 1, "add"),
  "Reshape and Expand": expand(reshape(exp(bias), [1, 4]), [3, 4]),
  "Cast to another float and back": cast(cast(x, "float64"), "float64"),
  "one value used three times": mul(mul(x, x), exp(x)),
};

describe("gradients against central differences", () => {
  for (const [name, value] of Object.entries(SMOOTH)) {
    it(name, () => {
      const result = weighted(value);
      const [ofX, ofBias] = differentiate(result, [x, bias]) as [Value, Value];
      const gradients = run({ ofX, ofBias });
      for (const [input, gradient] of [
        ["x", gradients.ofX],
        ["b", gradients.ofBias],
      ] as const) {
        const expected = centralDifferences(result, input);
        expect(gradient?.data).toHaveLength(expected.length);
        for (const [index, derivative] of expected.entries()) {
          expect(Number(gradient?.data[index]), `${input}[${index}]`).toBeCloseTo(derivative, 6);
        }
      }
    });
  }
});

describe("differentiate", () => {
  it("can be applied to its own result: the second derivative of x³ is 6x", () => {
    const [first] = differentiate(reduceSum(mul(mul(x, x), x)), [x]) as [Value];
    const [second] = differentiate(reduceSum(first), [x]) as [Value];
    const { data } = run({ second }).second as Tensor;
    expect(data).toHaveLength(12);
    for (const [index, value] of data.entries()) {
      expect(Number(value)).toBeCloseTo(6 * Number(FEEDS.x?.data[index]), 12);
    }
  });

  it("gives zeros for what the result does not depend on", () => {
    const [gradient] = differentiate(reduceSum(bias), [x]) as [Value];
    expect(numbersOf(run({ gradient }).gradient)).toEqual(new Array(12).fill(0));
  });

  it("lets nothing through stopGradient", () => {
    const [gradient] = differentiate(reduceSum(mul(stopGradient(bias), bias)), [bias]) as [Value];
    expect(FEEDS.b?.data).toHaveLength(4);
    expect(run({ gradient }).gradient?.data).toEqual(FEEDS.b?.data);
  });

  it("shares the gradient of a maximum equally among ties", () => {
    const tied = constant(tensor("float64", [1, 4], [2, 5, 5, 1]));
    const [gradient] = differentiate(reduceSum(reduceMax(tied, keep)), [tied]) as [Value];
    expect(numbersOf(run({ gradient }).gradient)).toEqual([0, 0.5, 0.5, 0]);
  });

  it("does not overflow in the gradient of a quotient whose divisor is large", () => {
    const large = constant(tensor("float64", [1], [1e200]));
    const [gradient] = differentiate(reduceSum(div(large, large)), [large]) as [Value];
    expect(Number(run({ gradient }).gradient?.data[0])).toBe(0);
  });

  it("names the node that has no gradient", () => {
    register([{ name: "Opaque", infer: (inputs) => [...inputs], evaluate: (inputs) => inputs }]);
    expect(() => differentiate(reduceSum(apply("Opaque", [x])), [x])).toThrow(
      new GraphError("Opaque(float64[3,4]) has no gradient"),
    );
  });

  it("does not need a rule for what does not lead to the variables", () => {
    const indices = oneHot(labels, 4, "float64");
    const [gradient] = differentiate(reduceSum(mul(indices, x)), [x]) as [Value];
    expect(numbersOf(run({ gradient }).gradient)).toEqual([0, 1, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0]);
  });

  it("survives a chain of 100,000 nodes", () => {
    let value = scalar(1, "float64");
    const start = value;
    for (let step = 0; step < 100_000; step++) value = neg(value);
    expect(differentiate(value, [start])).toHaveLength(1);
  });
});
