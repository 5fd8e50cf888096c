import type { Shape } from "@softmax-bench/graph";
import type { attribute } from "./build-model.js";
import { numbersFrom } from "./gradients.js";

/** Nodes whose readers are compared with ONNX Runtime and whose gradients with central differences. */

export type Attributes = Record<string, Parameters<typeof attribute>[1] | readonly string[]>;

/** One node on input `x` and stored tensors. */
export interface Case {
  /** Of x. Default: `[2, 3, 4]`. */
  readonly shape?: Shape;
  readonly op?: string;
  /** Floating-point operands after x: their shapes, or numbers that are settings. */
  readonly weights?: readonly (Shape | { readonly settings: readonly number[] })[];
  /** int64 operands after those. */
  readonly integers?: readonly (readonly number[])[];
  /** Conditions after those. */
  readonly booleans?: readonly (readonly boolean[])[];
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

export const float = (value: number) => ({ float: value });
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

/** Nodes of operator sets that had another form. */
const OLD_FORMS: Readonly<Record<string, Case>> = {
  ...Object.fromEntries(
    ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare"].flatMap(
      (kind): [string, Case][] => {
        const op = `Reduce${kind}`;
        return [
          [`${op} 7`, { op, opset: 7, attributes: { axes: [2, 0], keepdims: 0 }, offset: 3 }],
          [`${op} 11, of the last axis`, { op, opset: 11, attributes: { axes: [-1] }, offset: 3 }],
          [`${op} 12, of all axes`, { op, opset: 12, offset: 3 }],
        ];
      },
    ),
  ),
  ...Object.fromEntries(
    ["Softmax", "LogSoftmax", "Hardmax"].flatMap((op): [string, Case][] => [
      [`${op} 7, of rows`, { op, opset: 7 }],
      [`${op} 9, of the last axis`, { op, opset: 9, attributes: { axis: 2 } }],
      [`${op} 10, of all elements`, { op, opset: 10, attributes: { axis: 0 } }],
      [`${op} 11, from the end`, { op, opset: 11, attributes: { axis: -2 } }],
      [`${op} 12, of the last axis`, { op, opset: 12, attributes: { axis: -1 } }],
    ]),
  ),
  "Squeeze 7": { op: "Squeeze", opset: 7, shape: [2, 1, 3, 1], attributes: { axes: [1] } },
  "Squeeze 11, of all ones": { op: "Squeeze", opset: 11, shape: [2, 1, 3, 1] },
  "Unsqueeze 7": { op: "Unsqueeze", opset: 7, attributes: { axes: [0, 2] } },
  "Unsqueeze 11": { op: "Unsqueeze", opset: 11, attributes: { axes: [-1, 1] } },
  "Slice 7": {
    op: "Slice",
    opset: 7,
    attributes: { starts: [-2, 1], ends: [2n ** 31n - 1n, -1n], axes: [1, 2] },
  },
  "Slice 9, of the first axes": { op: "Slice", opset: 9, attributes: { starts: [0, 1], ends: [1, 3] } },
  "Split 7": { op: "Split", opset: 7, attributes: { axis: 2, split: [1, 3] }, outputs: 2 },
  "Split 12, in halves": { op: "Split", opset: 12, outputs: 2 },
  "Pad 7": { op: "Pad", opset: 7, attributes: { pads: [0, 1, 2, 0, 2, -1], value: float(0.75) } },
  "Pad 10, by reflection": {
    op: "Pad",
    opset: 10,
    attributes: { pads: [0, 1, 2, 0, 2, 1], mode: "reflect" },
  },
  "Clip 7": { op: "Clip", opset: 7, attributes: { min: float(-0.5), max: float(0.75) } },
  "Clip 10, from above": { op: "Clip", opset: 10, attributes: { max: float(0.25) } },
  "Clip 9, by nothing": { op: "Clip", opset: 9 },
  "Dropout 7": { op: "Dropout", opset: 7, attributes: { ratio: float(0.25) } },
  "Dropout 10": { op: "Dropout", opset: 10, attributes: { ratio: float(0.25) } },
  "TopK 7": { op: "TopK", opset: 7, attributes: { k: 2, axis: 1 }, outputs: 2 },
  "TopK 10": { op: "TopK", opset: 10, integers: [[2]], outputs: 2 },
  "Scatter 9": {
    op: "Scatter",
    opset: 9,
    shape: [5],
    weights: [[3]],
    integers: [[4, 0, 2]],
    operands: ["x", "i0", "w0"],
  },
  "Upsample 7": {
    op: "Upsample",
    opset: 7,
    shape: [1, 2, 3, 4],
    attributes: { scales: [1, 1, 2, 1.5].map(float) as never },
  },
  "Upsample 7, linear": {
    op: "Upsample",
    opset: 7,
    shape: [1, 2, 3, 4],
    attributes: { scales: [1, 1, 2, 1.5].map(float) as never, mode: "linear" },
  },
  "Upsample 9": {
    op: "Upsample",
    opset: 9,
    shape: [1, 2, 3, 4],
    weights: [{ settings: [1, 1, 2, 3] }],
  },
  "Resize 10, larger and smaller": {
    op: "Resize",
    opset: 10,
    shape: [1, 2, 3, 7],
    weights: [{ settings: [1, 1, 2.5, 0.6] }],
  },
  "Resize 10, linear": {
    op: "Resize",
    opset: 10,
    shape: [1, 2, 5, 4],
    weights: [{ settings: [1, 1, 0.6, 1.5] }],
    attributes: { mode: "linear" },
  },
  ...Object.fromEntries(
    ["floor", "round_prefer_floor"].map((rounding): [string, Case] => [
      `Resize 11, half pixels as in TensorFlow, ${rounding}`,
      {
        op: "Resize",
        opset: 11,
        shape: [1, 2, 3, 7],
        weights: [{ settings: [] }, { settings: [1, 1, 2.5, 0.6] }],
        attributes: { coordinate_transformation_mode: "tf_half_pixel_for_nn", nearest_mode: rounding },
      },
    ]),
  ),
  "BatchNormalization 7": {
    op: "BatchNormalization",
    opset: 7,
    shape: [2, 3, 2, 2],
    weights: [[3], [3], { settings: [0.1, -0.2, 0.3] }, { settings: [0.5, 1.5, 1] }],
    attributes: { spatial: 1 },
  },
  "BatchNormalization 9": {
    op: "BatchNormalization",
    opset: 9,
    shape: [2, 3, 2, 2],
    weights: [[3], [3], { settings: [0.1, -0.2, 0.3] }, { settings: [0.5, 1.5, 1] }],
  },
  "BatchNormalization 7, of each element": {
    op: "BatchNormalization",
    opset: 7,
    shape: [2, 3],
    weights: [[3], [3], { settings: [0.1, -0.2, 0.3] }, { settings: [0.5, 1.5, 1] }],
    attributes: { spatial: 0 },
  },
};

export const CASES: Readonly<Record<string, Case>> = {
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
  "SpaceToDepth by columns": {
    op: "SpaceToDepth",
    shape: [1, 2, 4, 6],
    attributes: { blocksize: 2, mode: "CRD" },
    opset: 28,
    withoutKernel: true,
  },
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
  Gelu: { opset: 20 },
  "Gelu by tanh": { op: "Gelu", attributes: { approximate: "tanh" }, opset: 20 },
  Swish: { attributes: { alpha: float(1.5) }, opset: 24 },
  Sum: { weights: [[3, 4], [4]] },
  CastLike: { weights: [[1]] },
  Dropout: {},
  ScatterND: { weights: [[3, 4]], integers: [[1, -1, 0, 2, 1, 0]], operands: ["x", "i0", "w0"] },
  "ScatterND that adds": {
    op: "ScatterND",
    weights: [[3, 4]],
    integers: [[1, 0, 0, 2, 1, 0]],
    operands: ["x", "i0", "w0"],
    attributes: { reduction: "add" },
  },
  ...Object.fromEntries(
    ["mul", "max", "min"].flatMap((reduction): [string, Case][] => [
      [
        `ScatterND, ${reduction}`,
        {
          op: "ScatterND",
          weights: [[3, 4]],
          integers: [[1, 0, 0, 2, 1, -3]],
          operands: ["x", "i0", "w0"],
          attributes: { reduction },
          opset: 18,
        },
      ],
      [
        `ScatterElements, ${reduction}`,
        {
          op: "ScatterElements",
          shape: [5],
          weights: [[6]],
          integers: [[1, 3, 1, -1, 0, -4]],
          operands: ["x", "i0", "w0"],
          attributes: { reduction },
          opset: 18,
        },
      ],
    ]),
  ),
  Hardmax: { attributes: { axis: 1 } },
  SwiGLU: { weights: [[2, 3, 4]], attributes: { alpha: float(1.5) }, opset: 28, withoutKernel: true },
  CenterCropPad: { integers: [[5, 2]], attributes: { axes: [-1, 1] }, opset: 18 },
  CumProd: { integers: [[1]], opset: 26 },
  "CumProd backwards, without itself": {
    op: "CumProd",
    integers: [[-1]],
    attributes: { exclusive: 1, reverse: 1 },
    opset: 26,
  },
  Compress: { booleans: [[true, false, true]], attributes: { axis: 1 } },
  "Compress of elements": { op: "Compress", booleans: [[false, true, true, false, true]] },
  TensorScatter: {
    shape: [2, 5, 3],
    weights: [[2, 2, 3]],
    integers: [[1, 4]],
    attributes: { mode: "circular" },
    opset: 24,
  },
  Col2Im: {
    shape: [2, 12, 3],
    integers: [
      [3, 5],
      [2, 3],
    ],
    attributes: { strides: [1, 2], pads: [0, 1, 0, 1], dilations: [2, 1] },
    opset: 18,
  },
  MaxUnpool: {
    shape: [1, 2, 2, 2],
    integers: [[5, 7, 13, 15, 16, 19, 25, 30]],
    attributes: { kernel_shape: [2, 2], strides: [2, 2] },
  },
  MaxRoiPool: {
    shape: [2, 2, 6, 7],
    weights: [{ settings: [1, 0, 1, 5, 4, 0, 2, 0, 6, 5] }],
    attributes: { pooled_shape: [2, 3], spatial_scale: float(0.9) },
  },
  Det: { shape: [3, 2, 2] },
  GridSample: { shape: [2, 2, 3, 4], weights: [[2, 3, 2, 2]] },
  "GridSample at the border, aligned": {
    op: "GridSample",
    shape: [2, 2, 3, 4],
    weights: [[2, 3, 2, 2]],
    attributes: { padding_mode: "border", align_corners: 1 },
  },
  "GridSample by a cubic, reflected": {
    op: "GridSample",
    shape: [2, 2, 3, 4],
    weights: [[2, 3, 2, 2]],
    attributes: { padding_mode: "reflection", mode: "bicubic" },
  },
  "GridSample to the nearest": {
    op: "GridSample",
    shape: [2, 2, 3, 4],
    weights: [[2, 3, 2, 2]],
    attributes: { mode: "nearest" },
  },
  "GridSample of a volume": {
    op: "GridSample",
    shape: [1, 2, 3, 2, 4],
    weights: [[1, 2, 2, 3, 3]],
    opset: 20,
  },
  CausalConvWithState: {
    shape: [2, 3, 5],
    weights: [[3, 1, 4], [3], [2, 3, 3]],
    attributes: { activation: "silu" },
    outputs: 2,
    opset: 27,
    withoutKernel: true,
  },
  ...Object.fromEntries(
    ["linear", "gated", "delta", "gated_delta"].map((rule): [string, Case] => [
      rule === "linear" ? "LinearAttention" : `LinearAttention, ${rule}`,
      {
        op: "LinearAttention",
        shape: [2, 3, 8],
        weights: [
          [2, 3, 4],
          [2, 3, 6],
          [2, 2, 2, 3],
          [2, 3, rule === "gated" ? 4 : 2],
          [2, 3, 2],
        ],
        operands: [
          ...["x", "w0", "w1", "w2"],
          rule.includes("gated") ? "w3" : "",
          rule.includes("delta") ? "w4" : "",
        ],
        attributes: { q_num_heads: 4, kv_num_heads: 2, update_rule: rule },
        outputs: 2,
        opset: 27,
        withoutKernel: true,
      },
    ]),
  ),
  ...OLD_FORMS,
  RotaryEmbedding: {
    shape: [2, 2, 3, 4],
    weights: [{ settings: numbersFrom(3, 12) }, { settings: numbersFrom(4, 12) }],
    operands: ["x", "cosine", "sine"],
    opset: 23,
  },
};
