import {
  add,
  cast,
  constant,
  equal,
  evaluate,
  exp,
  expand,
  type Graph,
  gatherElements,
  input,
  logSoftmax,
  mul,
  oneHot,
  reduceMax,
  reduceMean,
  reduceSum,
  reshape,
  rewrite,
  scatterElements,
  softmax,
  softmaxCrossEntropyLoss,
  stopGradient,
  tensor,
  type Value,
} from "@softmax-bench/graph";
import { oneHotAsEqual, serialize } from "@softmax-bench/onnx";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";

type DType = "float32" | "float64";

const labels = tensor("int64", [3], [1, 3, 0]);
const values = [0.3, -1.2, 0.8, 2.1, -0.4, 0.9, 1.7, -2.2, 0.05, 1.1, -0.6, 0.7];

const graphOf = (dtype: DType, make: (x: Value, t: Value) => Value): Graph => {
  const x = input("x", dtype, [3, 4]);
  const t = input("t", "int64", [3]);
  return { name: "test", inputs: [x, t], outputs: { y: make(x, t) } };
};

const column = (t: Value): Value => reshape(t, [3, 1]);
const EXPRESSIONS: Record<string, (x: Value, t: Value) => Value> = {
  Exp: (x) => exp(x),
  "ReduceSum with dropped axis": (x) => reduceSum(x, { axes: [1] }),
  "ReduceMean over everything": (x) => reduceMean(x),
  "ReduceMax with kept axis": (x) => reduceMax(x, { axes: [0], keepdims: true }),
  Softmax: (x) => softmax(x, 0),
  LogSoftmax: (x) => logSoftmax(x, 1),
  SoftmaxCrossEntropyLoss: (x, t) => softmaxCrossEntropyLoss(x, t).loss,
  "its second output": (x, t) => softmaxCrossEntropyLoss(x, t).logProb,
  OneHot: (x, t) => mul(x, oneHot(t, 4, x.dtype)),
  "Equal and Cast": (x) => cast(equal(x, x), x.dtype),
  GatherElements: (x, t) => gatherElements(x, column(t), 1),
  ScatterElements: (x, t) => scatterElements(x, column(t), reduceSum(x, { axes: [1], keepdims: true }), 1),
  "Reshape and Expand": (x) => expand(reshape(x, [3, 1, 4]), [3, 2, 4]),
  StopGradient: (x) => stopGradient(x),
  "an input as an output": (x) => x,
  "a constant as an output": (x) =>
    add(constant(tensor(x.dtype, [2], [1, 2])), constant(tensor(x.dtype, [], [1]))),
};

async function runInRuntime(
  graph: Graph,
  dtype: DType,
): Promise<{ dims: readonly number[]; data: number[] }> {
  const session = await InferenceSession.create(serialize(graph), { logSeverityLevel: 3 });
  const x = dtype === "float32" ? Float32Array.from(values) : Float64Array.from(values);
  const fed = { x: new Tensor(dtype, x, [3, 4]), t: new Tensor("int64", labels.data as BigInt64Array, [3]) };
  const { y } = await session.run(fed);
  if (!y || !("data" in y)) throw new Error("no output");
  return { dims: y.dims, data: Array.from(y.data as Float64Array, Number) };
}

describe.each(["float32", "float64"] as const)("a %s model in ONNX Runtime", (dtype) => {
  for (const [name, make] of Object.entries(EXPRESSIONS)) {
    it(`computes what the reference interpreter does: ${name}`, async () => {
      const graph = graphOf(dtype, make);
      const { y } = evaluate(graph, { x: tensor(dtype, [3, 4], values), t: labels });
      const actual = await runInRuntime(rewrite(graph, oneHotAsEqual), dtype);
      expect(actual.dims).toEqual(y?.shape);
      for (const [index, value] of actual.data.entries()) {
        expect(value).toBeCloseTo(Number(y?.data[index]), dtype === "float32" ? 6 : 14);
      }
    });
  }
});

describe("serialize", () => {
  it("refuses an operator that ONNX cannot spell", () => {
    const odd = { op: "Odd", inputs: [], attributes: {}, outputs: [] as Value[] };
    odd.outputs.push({ node: odd, output: 0, dtype: "float32", shape: [] });
    const graph = { name: "t", inputs: [], outputs: { y: odd.outputs[0] as Value } };
    expect(() => serialize(graph)).toThrow("Odd cannot be written as ONNX");
  });

  it("leaves out what no output depends on", () => {
    const small = serialize(graphOf("float32", (x) => x));
    const large = serialize(
      graphOf("float32", (x) => {
        exp(softmax(x, 1));
        return x;
      }),
    );
    expect(large).toEqual(small);
  });
});
