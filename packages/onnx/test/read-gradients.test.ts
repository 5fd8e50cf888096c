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
import { attribute, DOUBLE, FLOAT, ints, modelOf, type NodeInit, type TensorInit } from "./build-model.js";
import { numbersFrom } from "./gradients.js";
import { expectClose, runInRuntime, runModel, weighted } from "./support.js";

type Attributes = Record<string, Parameters<typeof attribute>[1] | readonly string[]>;

/** One node on input `x` and stored tensors. */
interface Case {
  /** Of x. Default: `[2, 3, 4]`. */
  readonly shape?: Shape;
  readonly op?: string;
  /** Floating-point operands after x: their shapes, or numbers that are settings. */
  readonly weights?: readonly (Shape | { readonly settings: readonly number[] })[];
  /** int64 operands after those. */
  readonly integers?: readonly (readonly number[])[];
  /** Names of all operands, where they are not x, w0, …, i0, … */
  readonly operands?: readonly string[];
  readonly attributes?: Attributes;
  readonly opset?: number;
  /** Distance of x from 0. Default: 0. */
  readonly offset?: number;
  readonly outputs?: number;
  /** ONNX Runtime cannot run it. */
  readonly withoutKernel?: true;
}

const float = (value: number) => ({ float: value });
const elementwise = (...ops: string[]): Record<string, Case> => Object.fromEntries(ops.map((op) => [op, {}]));
const reductions = (...ops: string[]): Record<string, Case> =>
  Object.fromEntries(
    ops.flatMap((op) => [
      [op, { attributes: { axes: [1], keepdims: 0 }, offset: 3 }],
      [`${op} of all`, { op, offset: 3 }],
      [`${op} of elements alone`, { op, opset: 18, attributes: { noop_with_empty_axes: 1 }, offset: 3 }],
    ]),
  );

const LSTM_WEIGHTS = [
  [1, 8, 3],
  [1, 8, 2],
  [1, 16],
] as const;

const CASES: Readonly<Record<string, Case>> = {
  ...elementwise(
    "HardSigmoid",
    "HardSwish",
    "Softplus",
    "Softsign",
    "Elu",
    "Selu",
    "Celu",
    "ThresholdedRelu",
  ),
  ...elementwise("Sin", "Cos", "Tan", "Atan", "Sinh", "Cosh", "Asinh", "Reciprocal"),
  ...reductions("ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceMin", "ReduceProd", "ReduceLogSum"),
  Mish: { opset: 18 },
  "Celu of another scale": { op: "Celu", attributes: { alpha: float(0.5) } },
  "Elu of another scale": { op: "Elu", attributes: { alpha: float(0.5) } },
  "HardSigmoid of another slope": { op: "HardSigmoid", attributes: { alpha: float(1.5), beta: float(0.25) } },
  "Shrink with a bias": { op: "Shrink", attributes: { lambd: float(0.3), bias: float(0.1) } },
  PRelu: { weights: [[3, 1]] },
  "PRelu of one slope": { op: "PRelu", weights: [[1]] },
  Acosh: { offset: 3 },
  Mean: { weights: [[3, 4], [4]] },
  "Mod of floating-point numbers": { op: "Mod", weights: [[4]], attributes: { fmod: 1 } },
  CumSum: { integers: [[1]] },
  "CumSum backwards, without itself": {
    op: "CumSum",
    integers: [[-1]],
    attributes: { exclusive: 1, reverse: 1 },
  },
  "TopK of the smallest": { op: "TopK", integers: [[2]], attributes: { largest: 0, axis: 1 }, outputs: 2 },
  Tile: { integers: [[2, 1, 3]] },
  Trilu: { integers: [[1]] },
  "Trilu, lower": { op: "Trilu", integers: [[-1]], attributes: { upper: 0 } },
  DepthToSpace: { shape: [1, 8, 2, 3], attributes: { blocksize: 2 } },
  "DepthToSpace by columns": {
    op: "DepthToSpace",
    shape: [1, 8, 2, 3],
    attributes: { blocksize: 2, mode: "CRD" },
  },
  SpaceToDepth: { shape: [1, 2, 4, 6], attributes: { blocksize: 2 } },
  GatherND: { shape: [2, 3, 4], integers: [[1, -1, 0, 2, 1, -1]] },
  InstanceNormalization: { weights: [[3], [3]] },
  GroupNormalization: { shape: [2, 4, 3], weights: [[4], [4]], attributes: { num_groups: 2 }, opset: 21 },
  "GroupNormalization with a scale per group": {
    op: "GroupNormalization",
    shape: [2, 4, 3],
    weights: [[2], [2]],
    attributes: { num_groups: 2 },
    opset: 18,
  },
  RMSNormalization: { weights: [[4]], opset: 23 },
  LpNormalization: { attributes: { axis: 1 } },
  "LpNormalization by absolute values": { op: "LpNormalization", attributes: { p: 1 } },
  LRN: { shape: [2, 5, 3, 2], attributes: { size: 3, alpha: float(0.5) } },
  "LRN of an even size": {
    op: "LRN",
    shape: [2, 5, 3, 2],
    attributes: { size: 4, alpha: float(0.5) },
    withoutKernel: true,
  },
  MeanVarianceNormalization: { shape: [2, 3, 4, 2] },
  GlobalMaxPool: { shape: [2, 3, 4, 2] },
  GlobalLpPool: { shape: [2, 3, 4, 2] },
  LpPool: { shape: [1, 2, 5, 5], attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
  "LpPool of cubes": {
    op: "LpPool",
    shape: [1, 2, 5, 5],
    attributes: { kernel_shape: [3, 2], pads: [1, 0, 1, 0], p: 3 },
  },
  "Pad by reflection": { op: "Pad", integers: [[0, 1, 2, 0, 2, 1]], attributes: { mode: "reflect" } },
  "Pad by the edge": { op: "Pad", integers: [[0, 1, 2, 0, 2, 1]], attributes: { mode: "edge" } },
  "Pad around": { op: "Pad", integers: [[0, 1, 2, 0, 2, 1]], attributes: { mode: "wrap" }, opset: 19 },
  "Pad by less than nothing": { op: "Pad", integers: [[0, -1, 2, 0, 0, -1]] },
  "Resize to the nearest": {
    op: "Resize",
    shape: [1, 2, 3, 4],
    weights: [{ settings: [] }, { settings: [1, 1, 2, 2] }],
    attributes: { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" },
  },
  "Resize to the nearest, smaller": {
    op: "Resize",
    shape: [1, 2, 6, 7],
    weights: [{ settings: [] }, { settings: [1, 1, 0.6, 0.4] }],
  },
  "Resize linearly": {
    op: "Resize",
    shape: [1, 2, 3, 4],
    weights: [{ settings: [] }, { settings: [1, 1, 2, 1.5] }],
    attributes: { mode: "linear" },
  },
  "Resize linearly by corners": {
    op: "Resize",
    shape: [1, 2, 3, 4],
    operands: ["x", "", "", "i0"],
    integers: [[1, 2, 5, 7]],
    attributes: { mode: "linear", coordinate_transformation_mode: "align_corners" },
  },
  "Resize linearly, as PyTorch": {
    op: "Resize",
    shape: [1, 2, 3, 4],
    operands: ["x", "", "", "i0"],
    integers: [[1, 2, 1, 6]],
    attributes: { mode: "linear", coordinate_transformation_mode: "pytorch_half_pixel" },
  },
  "Resize by a cubic": {
    op: "Resize",
    shape: [1, 2, 4, 5],
    operands: ["x", "", "", "i0"],
    integers: [[1, 2, 7, 6]],
    attributes: { mode: "cubic" },
  },
  RNN: {
    shape: [3, 2, 4],
    weights: [
      [1, 5, 4],
      [1, 5, 5],
      [1, 10],
    ],
    attributes: { hidden_size: 5 },
    outputs: 2,
  },
  LSTM: { shape: [4, 2, 3], weights: LSTM_WEIGHTS, attributes: { hidden_size: 2 }, outputs: 3 },
  "LSTM backwards, limited, with coupled gates": {
    op: "LSTM",
    shape: [4, 2, 3],
    weights: LSTM_WEIGHTS,
    attributes: { hidden_size: 2, direction: "reverse", clip: float(0.7), input_forget: 1 },
    outputs: 3,
  },
  "LSTM in both directions with states and peepholes": {
    op: "LSTM",
    shape: [3, 2, 3],
    weights: [
      [2, 8, 3],
      [2, 8, 2],
      [2, 16],
      [2, 2, 2],
      [2, 2, 2],
      [2, 6],
    ],
    operands: ["x", "w0", "w1", "w2", "", "w3", "w4", "w5"],
    attributes: { hidden_size: 2, direction: "bidirectional" },
    outputs: 3,
  },
  "LSTM of other activations": {
    op: "LSTM",
    shape: [3, 2, 3],
    weights: LSTM_WEIGHTS,
    attributes: {
      hidden_size: 2,
      activations: ["HardSigmoid", "Softsign", "Tanh"],
      activation_alpha: [float(0.3)] as never,
    },
    outputs: 3,
  },
  GRU: {
    shape: [4, 2, 3],
    weights: [
      [1, 6, 3],
      [1, 6, 2],
      [1, 12],
    ],
    attributes: { hidden_size: 2 },
    outputs: 2,
  },
  "GRU that resets after the product": {
    op: "GRU",
    shape: [4, 2, 3],
    weights: [
      [2, 6, 3],
      [2, 6, 2],
      [2, 12],
    ],
    attributes: { hidden_size: 2, linear_before_reset: 1, direction: "bidirectional" },
    outputs: 2,
  },
  "Einsum of matrices": {
    op: "Einsum",
    shape: [3, 4],
    weights: [[4, 2]],
    attributes: { equation: "ij,jk->ki" },
  },
  "Einsum of attention": {
    op: "Einsum",
    shape: [2, 3, 4, 5],
    weights: [[2, 6, 4, 5]],
    attributes: { equation: "bqhd,bkhd->bhqk" },
  },
  "Einsum of three": {
    op: "Einsum",
    shape: [2, 3],
    weights: [
      [3, 4],
      [4, 2],
    ],
    attributes: { equation: "ij, jk, ki -> i" },
  },
  "Einsum with an ellipsis": {
    op: "Einsum",
    shape: [2, 3, 4],
    weights: [[4, 5]],
    attributes: { equation: "...j,jk->...k" },
  },
  "Einsum without a result": {
    op: "Einsum",
    shape: [3, 4],
    weights: [[4, 2]],
    attributes: { equation: "ij,jk" },
  },
  "Einsum of a diagonal": { op: "Einsum", shape: [2, 3, 3], attributes: { equation: "bii->bi" } },
  "Einsum of an outer product": {
    op: "Einsum",
    shape: [3],
    weights: [[4]],
    attributes: { equation: "i,j->ij" },
  },
  Attention: {
    shape: [2, 2, 3, 4],
    weights: [
      [2, 2, 5, 4],
      [2, 2, 5, 4],
    ],
    opset: 23,
  },
  "Attention that is causal, of shared heads": {
    op: "Attention",
    shape: [2, 3, 8],
    weights: [
      [2, 3, 4],
      [2, 3, 4],
    ],
    attributes: { q_num_heads: 4, kv_num_heads: 2, is_causal: 1, softcap: float(2), scale: float(0.3) },
    opset: 23,
  },
  RotaryEmbedding: {
    shape: [2, 2, 3, 4],
    weights: [{ settings: numbersFrom(3, 12) }, { settings: numbersFrom(4, 12) }],
    operands: ["x", "cosine", "sine"],
    opset: 23,
  },
};

/** A model of one node, with its stored tensors in a type. */
function modelFor(name: string, of: Case, elemType: number): Uint8Array {
  const {
    shape = [2, 3, 4],
    op = name,
    weights = [],
    integers = [],
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
          ...(op === "Resize" && {
            dataType: FLOAT,
            rawData: new Uint8Array(Float32Array.from(weight.settings).buffer),
          }),
        }
      : stored(`w${at}`, weight, numbersFrom(at + 2, sizeOf(weight))),
  );
  if (op === "RotaryEmbedding") {
    for (const [at, label] of ["cosine", "sine"].entries()) {
      tensors[at] = { ...(tensors[at] as TensorInit), name: label, dims: [2n, 3n, 2n] };
    }
  }
  const positions = integers.map((values, at) =>
    ints(
      `i${at}`,
      values,
      op === "GatherND" ? [3, 2] : op === "CumSum" || op === "Trilu" ? [] : [values.length],
    ),
  );
  const operands = of.operands ?? [
    "x",
    ...weights.map((_, at) => `w${at}`),
    ...integers.map((_, at) => `i${at}`),
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
    tensors: [...tensors, ...positions],
    outputs: outputNames(op, outputs),
  });
}

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
