import {
  abs,
  add,
  cast,
  clip,
  concat,
  constant,
  equal,
  evaluate,
  exp,
  expand,
  flatten,
  type Graph,
  gather,
  gatherElements,
  gelu,
  gemm,
  greater,
  identity,
  input,
  leakyRelu,
  less,
  logSoftmax,
  matMul,
  max,
  min,
  mul,
  oneHot,
  pad,
  pow,
  reduceLogSumExp,
  reduceMax,
  reduceMean,
  reduceSum,
  relu,
  reshape,
  rewrite,
  scalar,
  scatterElements,
  sigmoid,
  slice,
  softmax,
  softmaxCrossEntropyLoss,
  split,
  sqrt,
  squeeze,
  stopGradient,
  tanh,
  tensor,
  transpose,
  unsqueeze,
  type Value,
  where,
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
  Sqrt: (x) => sqrt(mul(x, x)),
  "Abs and Identity": (x) => abs(identity(x)),
  "Relu, Sigmoid and Tanh": (x) => add(relu(x), add(sigmoid(x), tanh(x))),
  LeakyRelu: (x) => leakyRelu(x, 0.25),
  "Erf, in Gelu": (x) => gelu(x),
  Clip: (x) => clip(x, -0.5, 1),
  Pow: (x) => pow(x, scalar(2, x.dtype)),
  "Max and Min": (x) => max(min(x, scalar(1, x.dtype)), scalar(-0.5, x.dtype)),
  "Greater, Less and Where": (x) =>
    where(greater(x, scalar(0, x.dtype)), x, where(less(x, scalar(-1, x.dtype)), exp(x), scalar(7, x.dtype))),
  MatMul: (x) => matMul(x, transpose(x)),
  Gemm: (x) => gemm(x, x, scalar(3, x.dtype), { alpha: 0.5, beta: 2, transB: true }),
  ReduceLogSumExp: (x) => reduceLogSumExp(x, { axes: [1] }),
  "Transpose, Squeeze, Unsqueeze and Flatten": (x) => flatten(transpose(squeeze(unsqueeze(x, [0]), [0])), 1),
  "Concat and Split": (x) => concat([...split(x, [1, 3], 1)].reverse(), 1),
  "Slice with a step": (x) => slice(x, 1, 1, 4, 2),
  Pad: (x) => pad(x, [1, 0, 0, 2], 5),
  Gather: (x, t) => gather(x, t, 1),
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

/** ONNX Runtime has no kernels for these in double. */
const FLOAT32_ONLY = ["LeakyRelu", "Erf, in Gelu"];

describe.each(["float32", "float64"] as const)("a %s model in ONNX Runtime", (dtype) => {
  for (const [name, make] of Object.entries(EXPRESSIONS)) {
    it(`computes what the reference interpreter does: ${name}`, async () => {
      const graph = graphOf(dtype, make);
      if (dtype === "float64" && FLOAT32_ONLY.includes(name)) {
        await expect(runInRuntime(graph, dtype)).rejects.toThrow("Could not find an implementation");
        return;
      }
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
