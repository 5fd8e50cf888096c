import {
  add,
  differentiate,
  evaluate,
  type Graph,
  inputName,
  isFloat,
  legalize,
  optimize,
  reduceSum,
  type Shape,
  sizeOf,
  type Tensor,
  tensor,
  type Value,
} from "@softmax-bench/graph";
import { ONNXRUNTIME_CPU, parseModel } from "@softmax-bench/onnx";
import { describe, expect, it } from "vitest";
import { TensorProto_DataType } from "../src/proto/onnx_pb.js";
import { attribute, DOUBLE, FLOAT, ints, modelOf, type NodeInit, type TensorInit } from "./build-model.js";
import { type Attributes, CASES, type Case, float } from "./gradient-cases.js";
import { numbersFrom } from "./gradients.js";
import { expectClose, runInRuntime, runModel, weighted } from "./support.js";

/** A model of one node, with its stored tensors in a type. */
function modelFor(name: string, of: Case, elemType: number): Uint8Array {
  const {
    shape = [2, 3, 4],
    op = name,
    weights = [],
    integers = [],
    booleans = [],
    attributes = {},
    outputs = 1,
    opset = 17,
  } = of;
  const stored = (label: string, dims: Shape, values: readonly number[]): TensorInit => ({
    name: label,
    dataType: elemType,
    dims: dims.map(BigInt),
    rawData: new Uint8Array(
      (elemType === DOUBLE ? Float64Array.from(values) : Float32Array.from(values)).buffer,
    ),
  });
  const tensors: TensorInit[] = weights.map((weight, at) =>
    "settings" in weight
      ? {
          ...stored(`w${at}`, [weight.settings.length], weight.settings),
          ...((op === "Resize" || op === "Upsample") && {
            dataType: FLOAT,
            rawData: new Uint8Array(Float32Array.from(weight.settings).buffer),
          }),
        }
      : stored(`w${at}`, weight, numbersFrom(at + 2, sizeOf(weight))),
  );
  if (op === "MaxRoiPool") tensors[0] = { ...(tensors[0] as TensorInit), dims: [2n, 5n] };
  if (op === "RotaryEmbedding") {
    for (const [at, label] of ["cosine", "sine"].entries()) {
      tensors[at] = { ...(tensors[at] as TensorInit), name: label, dims: [2n, 3n, 2n] };
    }
  }
  const positions = integers.map((values, at) =>
    ints(`i${at}`, values, shapeOfPositions(op, shape, values.length)),
  );
  const conditions = booleans.map(
    (values, at): TensorInit => ({
      name: `b${at}`,
      dataType: TensorProto_DataType.BOOL,
      dims: [BigInt(values.length)],
      rawData: Uint8Array.from(values, Number),
    }),
  );
  const operands = of.operands ?? [
    "x",
    ...weights.map((_, at) => `w${at}`),
    ...integers.map((_, at) => `i${at}`),
    ...booleans.map((_, at) => `b${at}`),
  ];
  const node: NodeInit = {
    opType: op,
    input: [...operands],
    output: ["y", "y1", "y2"].slice(0, outputs),
    attribute: Object.entries(attributes).map(([key, value]) => attributeOf(key, value)),
  };
  return modelOf({
    shape,
    elemType,
    opset,
    nodes: [node],
    tensors: [...tensors, ...positions, ...conditions],
    outputs: outputNames(op, outputs),
  });
}

const shapeOfPositions = (op: string, shape: Shape, count: number): readonly number[] => {
  if (op === "GatherND" || op === "ScatterND") return [3, 2];
  if (op === "MaxUnpool") return shape;
  return ["CumSum", "CumProd", "Trilu"].includes(op) ? [] : [count];
};

/** Positions are no numbers to weight. */
const outputNames = (op: string, outputs: number): string[] =>
  op === "TopK" ? ["y"] : ["y", "y1", "y2"].slice(0, outputs);

function attributeOf(name: string, value: Attributes[string]): ReturnType<typeof attribute> {
  const isList = Array.isArray(value);
  if (isList && typeof value[0] === "string") {
    return { name, type: 8, strings: (value as string[]).map((text) => new TextEncoder().encode(text)) };
  }
  if (isList && typeof value[0] === "object") {
    return { name, type: 6, floats: (value as { float: number }[]).map((of) => of.float) };
  }
  return attribute(name, value as Parameters<typeof attribute>[1]);
}

function graphFor(name: string, of: Case, elemType: number) {
  const model = parseModel(modelFor(name, of, elemType));
  const graph = model.graph();
  const inputs = graph.inputs.filter(isFloat);
  const result = Object.values(graph.outputs)
    .map((y) => weighted(y))
    .reduce(add);
  const gradients = differentiate(result, inputs);
  const feeds: Record<string, Tensor> = Object.fromEntries(
    inputs.map((value) => {
      const given = model.initializers.get(inputName(value))?.read();
      const values = numbersFrom(1, sizeOf(value.shape)).map((x) => 1.7 * x + (of.offset ?? 0));
      return [inputName(value), given ?? tensor(value.dtype, value.shape, values)];
    }),
  );
  const named = gradients.map((gradient, at) => [`gradient${at}`, gradient] as const);
  const whole: Graph = { ...graph, outputs: { ...graph.outputs, result, ...Object.fromEntries(named) } };
  return { inputs, feeds, whole, forward: graph };
}

describe.each(Object.entries(CASES))("%s", (name, of) => {
  it("is what ONNX Runtime computes", async () => {
    const { feeds, forward } = graphFor(name, of, FLOAT);
    const expected = evaluate(forward, feeds);
    const inRuntime = runModel(modelFor(name, of, FLOAT), feeds);
    if (of.withoutKernel) await expect(inRuntime).rejects.toThrow();
    else expectClose(await inRuntime, expected, 2e-6);
  });

  it("has the gradient that central differences have", () => {
    const { inputs, feeds, whole } = graphFor(name, of, DOUBLE);
    const directions = inputs.map((value, at) => numbersFrom(at + 40, sizeOf(value.shape)));
    const resultAt = (step: number) => {
      const moved = inputs.map((value, at) => {
        const { dtype, shape, data } = feeds[inputName(value)] as Tensor;
        const along = directions[at] as number[];
        return [
          inputName(value),
          tensor(
            dtype,
            shape,
            along.map((by, index) => Number(data[index]) + step * by),
          ),
        ] as const;
      });
      return Number(
        evaluate({ ...whole, outputs: { result: whole.outputs.result as Value } }, Object.fromEntries(moved))
          .result?.data[0],
      );
    };
    const computed = evaluate(whole, feeds);
    let [slope, scale] = [0, 1];
    for (const [at, along] of directions.entries()) {
      for (const [index, by] of along.entries()) {
        const term = by * Number(computed[`gradient${at}`]?.data[index]);
        slope += term;
        scale += Math.abs(term);
      }
    }
    const step = 1e-6;
    expect(Math.abs(slope - (resultAt(step) - resultAt(-step)) / (2 * step))).toBeLessThanOrEqual(
      1e-7 * scale,
    );
  });

  it("has that gradient in ONNX Runtime, too", async () => {
    const { feeds, whole } = graphFor(name, of, FLOAT);
    expectClose(
      await runInRuntime(legalize(optimize(whole), ONNXRUNTIME_CPU), feeds),
      evaluate(whole, feeds),
      2e-5,
    );
  });
});

// torch.nn.functional, PyTorch 1.13, at the same points.
describe("at a kink, and far from it, the gradient is PyTorch's:", () => {
  it.each<[string, Attributes, readonly number[], readonly number[]]>([
    ["HardSigmoid", { alpha: float(1 / 6) }, [-3, 3, 0], [0, 0, 1 / 6]],
    ["Elu", {}, [0, 1000, -1000], [1, 1, 0]],
    ["Selu", {}, [0, 1000], [1.7580993408473766, 1.0507009873554805]],
    ["Celu", {}, [0, 1000], [1, 1]],
    ["Softsign", {}, [0], [1]],
    ["Softplus", {}, [0, 1000, -1000], [0.5, 1, 0]],
    ["ThresholdedRelu", {}, [1], [0]],
    ["Shrink", { bias: float(0.5) }, [-0.5, 0.5], [0, 0]],
    ["Mish", {}, [0, 1000], [0.6, 1]],
    ["Sign", {}, [0, 2], [0, 0]],
    ["ReduceL2", {}, [0, 0], [0, 0]],
    ["ReduceL1", {}, [0, 1], [0, 1]],
    ["ReduceProd", {}, [0, 2], [2, 0]],
    ["ReduceMin", {}, [1, 1], [0.5, 0.5]],
  ])("%s", (op, attributes, at, expected) => {
    const node: NodeInit = {
      opType: op,
      input: ["x"],
      output: ["y"],
      attribute: Object.entries(attributes).map(([key, value]) => attributeOf(key, value)),
    };
    const bytes = modelOf({ shape: [at.length], elemType: DOUBLE, opset: 18, nodes: [node] });
    const { inputs, outputs } = parseModel(bytes).graph();
    const [gradient] = differentiate(reduceSum(outputs.y as Value), inputs);
    const graph: Graph = { name: "kink", inputs, outputs: { gradient: gradient as Value } };
    const found = evaluate(graph, { x: tensor("float64", [at.length], at) }).gradient?.data ?? [];
    for (const [index, value] of expected.entries()) expect(Number(found[index])).toBeCloseTo(value, 7);
  });
});

it("expands a determinant of four rows as ONNX Runtime computes it", async () => {
  const model = modelOf({
    shape: [2, 4, 4],
    nodes: [{ opType: "Det", input: ["x"], output: ["y"] }],
    outputs: ["y"],
  });
  // Sines at equal distances are rows of a matrix of rank 2; their cubes are not.
  const x = tensor(
    "float32",
    [2, 4, 4],
    numbersFrom(1, 32).map((value) => value ** 3),
  );
  expectClose(await runModel(model, { x }), evaluate(parseModel(model).graph(), { x }), 2e-6);
});
