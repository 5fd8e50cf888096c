import {
  evaluate,
  fromHalfBits,
  inputName,
  legalize,
  optimize,
  roundToHalf,
  sizeOf,
  type Tensor,
  tensor,
  toHalfBits,
} from "@softmax-bench/graph";
import { ONNXRUNTIME_CPU, parseModel, serialize, trainingGraph } from "@softmax-bench/onnx";
import { InferenceSession, Tensor as RuntimeTensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { TensorProto_DataType } from "../src/proto/onnx_pb.js";
import { DOUBLE, FLOAT16, modelOf, type TensorInit } from "./build-model.js";
import { expectClose, numbers } from "./support.js";

const { BFLOAT16 } = TensorProto_DataType;

/** Bit patterns with the numbers that IEEE 754 and bfloat16 define for them. */
const PATTERNS = {
  float16: [
    [0x3c00, 1],
    [0xc000, -2],
    [0x0001, 2 ** -24],
    [0x7bff, 65504],
    [0x7c00, Number.POSITIVE_INFINITY],
  ],
  bfloat16: [
    [0x3f80, 1],
    [0xc000, -2],
    [0x0001, 2 ** -133],
    [0x7f7f, (2 - 2 ** -7) * 2 ** 127],
    [0x7f80, Number.POSITIVE_INFINITY],
  ],
} as const;
const TYPES = { float16: FLOAT16, bfloat16: BFLOAT16 } as const;
const HALVES = ["float16", "bfloat16"] as const;

const identity = { opType: "Add", input: ["x", "w"], output: ["y"] };

describe.each(HALVES)("a tensor of %s", (dtype) => {
  const patterns = PATTERNS[dtype].map(([bits]) => bits);
  const expected = PATTERNS[dtype].map(([, value]) => value);
  const described = { name: "w", dataType: TYPES[dtype], dims: [5n] };
  const bytes = new Uint8Array(Uint16Array.from(patterns).buffer);
  const read = (stored: TensorInit) => {
    const model = modelOf({ nodes: [identity], tensors: [stored], shape: [5], elemType: TYPES[dtype] });
    const found = parseModel(model, () => Buffer.from(bytes))
      .initializers.get("w")
      ?.read();
    return { dtype: found?.dtype, values: Array.from(found?.data ?? [], Number) };
  };

  it.each<[string, TensorInit]>([
    ["its bytes", { ...described, rawData: bytes }],
    ["a list of numbers", { ...described, int32Data: patterns }],
    [
      "a file beside the model",
      { ...described, dataLocation: 1, externalData: [{ key: "location", value: "weights" }] },
    ],
  ])("is read from %s", (_, stored) => {
    expect(read(stored)).toEqual({ dtype, values: expected });
  });

  it("is refused if its bytes are not as many as it claims", () => {
    const message = `tensor "w" is ${dtype}[5], 10 bytes, but has 9`;
    expect(() => read({ ...described, rawData: bytes.slice(1) })).toThrow(message);
  });
});

/** Two layers with softmax cross-entropy on top, at weights that float16 and bfloat16 both have. */
function networkOf(elemType: number): Uint8Array {
  const weight = (name: string, dims: readonly number[]): TensorInit => {
    const values = numbers(sizeOf(dims)).map((value) => roundToHalf("bfloat16", value - 1));
    const singles = Float32Array.from(values);
    const half = elemType === FLOAT16 ? "float16" : "bfloat16";
    const stored =
      elemType === DOUBLE ? Float64Array.from(values) : Uint16Array.from(toHalfBits(half, singles));
    const rawData = new Uint8Array(stored.buffer);
    return { name, dataType: elemType, dims: dims.map(BigInt), rawData };
  };
  return modelOf({
    nodes: [
      { opType: "Gemm", input: ["x", "w1", "b1"], output: ["h"] },
      { opType: "Relu", input: ["h"], output: ["r"] },
      { opType: "MatMul", input: ["r", "w2"], output: ["y"] },
    ],
    tensors: [weight("w1", [8, 16]), weight("b1", [16]), weight("w2", [16, 5])],
    shape: [6, 8],
    elemType,
  });
}

const trainingOf = (elemType: number) => optimize(trainingGraph(parseModel(networkOf(elemType)).graph()));
const GRADIENTS = ["w1.grad", "b1.grad", "w2.grad"];

/** The inputs of a training graph: x, the model's own weights and labels. */
function feedsOf(elemType: number): Record<string, Tensor> {
  const model = parseModel(networkOf(elemType));
  const graph = model.graph();
  const [x] = graph.inputs;
  const dtype = x?.dtype ?? "float64";
  const values = numbers(48).map((value) => roundToHalf("bfloat16", value - 1));
  const weights = Array.from(model.initializers, ([name, stored]) => [name, stored.read()] as const);
  return {
    x: tensor(dtype, [6, 8], values),
    ...Object.fromEntries(weights),
    labels: tensor("int64", [6], [0, 1, 2, 3, 4, 0]),
  };
}

const pick = (outputs: Readonly<Record<string, Tensor>>, names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, outputs[name] as Tensor]));

describe("a model in half precision", () => {
  const exact = evaluate(trainingOf(DOUBLE), feedsOf(DOUBLE));

  // A few roundings to 11 or 8 bits, relative to the largest entry.
  it.each([
    ["float16", FLOAT16, 4 * 2 ** -11],
    ["bfloat16", BFLOAT16, 4 * 2 ** -8],
  ] as const)(
    "has the gradients of the same model in float64, to a few roundings: %s",
    (_, elemType, limit) => {
      const outputs = evaluate(trainingOf(elemType), feedsOf(elemType));
      expectClose(pick(outputs, GRADIENTS), pick(exact, GRADIENTS), limit);
    },
  );

  it("has them in ONNX Runtime, too: float16", async () => {
    const graph = legalize(trainingOf(FLOAT16), ONNXRUNTIME_CPU);
    const session = await InferenceSession.create(serialize(graph), { logSeverityLevel: 4 });
    const feeds = feedsOf(FLOAT16);
    const fed = graph.inputs.map((value) => {
      const name = inputName(value);
      const { dtype, shape, data } = feeds[name] as Tensor;
      const isHalf = dtype === "float16";
      const stored = isHalf ? toHalfBits(dtype, data as Float32Array) : (data as BigInt64Array);
      return [name, new RuntimeTensor(isHalf ? "float16" : "int64", stored as never, shape)] as const;
    });
    const results = await session.run(Object.fromEntries(fed));
    const outputs = GRADIENTS.map((name) => {
      const { dims, data } = results[name] as RuntimeTensor;
      return [
        name,
        tensor("float16", dims, [...fromHalfBits("float16", new Uint16Array((data as Uint16Array).buffer))]),
      ];
    });
    await session.release();
    expectClose(Object.fromEntries(outputs), pick(exact, GRADIENTS), 4 * 2 ** -11);
  });
});
