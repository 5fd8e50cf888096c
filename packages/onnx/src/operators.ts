import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type Attributes,
  type DType,
  type FloatDType,
  GraphError,
  type Node,
  type Tensor,
  tensor,
} from "@softmax-bench/graph";
import {
  AttributeProto_AttributeType,
  type AttributeProtoSchema,
  TensorProto_DataType,
} from "./proto/onnx_pb.js";

/** The ONNX operator set of written models: the first with all operators here, so that most readers support it. */
export const OPSET = 17;
/** The IR version that belongs to it (ONNX 1.12). */
export const IR_VERSION = 8;

export const ONNX_DTYPE = {
  float32: TensorProto_DataType.FLOAT,
  float64: TensorProto_DataType.DOUBLE,
  float16: TensorProto_DataType.FLOAT16,
  bfloat16: TensorProto_DataType.BFLOAT16,
  int32: TensorProto_DataType.INT32,
  int64: TensorProto_DataType.INT64,
  bool: TensorProto_DataType.BOOL,
} satisfies Record<DType, TensorProto_DataType>;

/** Numbers are integers; a floating-point number is marked as such. */
export type OnnxAttribute = number | string | readonly number[] | { readonly float: number };

export function attributeProto(
  name: string,
  value: OnnxAttribute,
): MessageInitShape<typeof AttributeProtoSchema> {
  const { STRING, INT, INTS, FLOAT } = AttributeProto_AttributeType;
  if (typeof value === "string") return { name, type: STRING, s: new TextEncoder().encode(value) };
  if (typeof value === "number") return { name, type: INT, i: BigInt(value) };
  if ("float" in value) return { name, type: FLOAT, f: value.float };
  return { name, type: INTS, ints: value.map(BigInt) };
}

/** The ONNX form of a node, if it differs from the graph: static attributes often are inputs there. */
interface Spelling {
  readonly op?: string;
  readonly attributes?: (attributes: Attributes) => Readonly<Record<string, OnnxAttribute>>;
  /** Constant inputs after the node's own. */
  readonly constants?: (node: Node) => readonly Tensor[];
  /** True if outputs after the first may be omitted. */
  readonly firstSuffices?: true;
}

const numbers = (value: unknown): readonly number[] => (Array.isArray(value) ? value : []);
const int64s = (values: readonly number[]): Tensor => tensor("int64", [values.length], values);

const reduction: Spelling = {
  attributes: ({ axes, keepdims }) => ({ axes: numbers(axes), keepdims: Number(keepdims) }),
};
const shaped: Spelling = { constants: ({ attributes }) => [int64s(numbers(attributes.shape))] };
/** Sets `allowzero`; without it, a size of 0 would copy the operand's. */
const reshaped: Spelling = {
  ...shaped,
  attributes: ({ shape }) => (numbers(shape).includes(0) ? { allowzero: 1 } : {}),
};
const onAxes: Spelling = { constants: ({ attributes }) => [int64s(numbers(attributes.axes))] };
const window = ({ strides, pads, dilations }: Attributes) => ({
  strides: numbers(strides),
  pads: numbers(pads),
  dilations: numbers(dilations),
});
const along: Spelling = { attributes: ({ axis }) => ({ axis: Number(axis) }) };

const loss: Spelling = {
  attributes: ({ reduction: combine, ignore_index }) => ({
    reduction: String(combine),
    ...(ignore_index === undefined ? {} : { ignore_index: Number(ignore_index) }),
  }),
};

const SPELLINGS: Readonly<Record<string, Spelling>> = {
  Exp: {},
  Log: {},
  Neg: {},
  Sqrt: {},
  Abs: {},
  Identity: {},
  Relu: {},
  Sigmoid: {},
  Tanh: {},
  Erf: {},
  Add: {},
  Sub: {},
  Mul: {},
  Div: {},
  Pow: {},
  Max: {},
  Min: {},
  Equal: {},
  Greater: {},
  Less: {},
  Where: {},
  MatMul: {},
  Sin: {},
  Cos: {},
  Tan: {},
  Asin: {},
  Acos: {},
  Atan: {},
  Sinh: {},
  Cosh: {},
  Asinh: {},
  Acosh: {},
  Atanh: {},
  Floor: {},
  Round: {},
  Softplus: {},
  And: {},
  Or: {},
  Not: {},
  Mod: { attributes: ({ fmod }) => ({ fmod: Number(fmod) }) },
  Range: {
    constants: ({ attributes: { start, limit, delta }, outputs: [y] }) =>
      [start, limit, delta].map((value) => tensor(y?.dtype ?? "int64", [], [Number(value)])),
  },
  CumSum: {
    attributes: ({ exclusive, reverse }) => ({ exclusive: Number(exclusive), reverse: Number(reverse) }),
    constants: ({ attributes: { axis } }) => [tensor("int64", [], [Number(axis)])],
  },
  ArgMax: {
    attributes: ({ axis, select_last_index }) => ({
      axis: Number(axis),
      keepdims: 1,
      select_last_index: Number(select_last_index),
    }),
  },
  TopK: {
    attributes: ({ axis, largest }) => ({ axis: Number(axis), largest: Number(largest), sorted: 1 }),
    constants: ({ attributes: { k } }) => [int64s([Number(k)])],
  },
  // Among the reductions, only this one takes its axes as an input.
  ReduceSum: {
    attributes: ({ keepdims }) => ({ keepdims: Number(keepdims) }),
    constants: ({ attributes }) => [int64s(numbers(attributes.axes))],
  },
  ReduceMean: reduction,
  ReduceMax: reduction,
  ReduceLogSumExp: reduction,
  ReduceMin: reduction,
  ReduceProd: reduction,
  Reshape: reshaped,
  Expand: shaped,
  Softmax: along,
  LogSoftmax: along,
  GatherElements: along,
  Gather: along,
  Concat: along,
  Flatten: along,
  LeakyRelu: { attributes: ({ alpha }) => ({ alpha: { float: Number(alpha) } }) },
  Clip: {
    constants: ({ attributes: { low, high }, outputs: [y] }) =>
      [low, high].map((limit) => tensor(y?.dtype ?? "float32", [], [Number(limit)])),
  },
  Gemm: {
    attributes: ({ alpha, beta, transA, transB }) => ({
      alpha: { float: Number(alpha) },
      beta: { float: Number(beta) },
      transA: Number(transA),
      transB: Number(transB),
    }),
  },
  Conv: { attributes: (all) => ({ ...window(all), group: Number(all.group) }) },
  ConvTranspose: {
    attributes: (all) => ({
      ...window(all),
      group: Number(all.group),
      output_padding: numbers(all.output_padding),
    }),
  },
  MaxPool: {
    firstSuffices: true,
    attributes: (all) => ({ ...window(all), kernel_shape: numbers(all.kernel_shape) }),
  },
  AveragePool: {
    attributes: ({ strides, pads, dilations, kernel_shape, count_include_pad }) => {
      if (numbers(dilations).some((dilation) => dilation !== 1)) {
        throw new GraphError(
          `AveragePool has no dilations in operator set ${OPSET}; legalize writes its body`,
        );
      }
      return {
        strides: numbers(strides),
        pads: numbers(pads),
        kernel_shape: numbers(kernel_shape),
        count_include_pad: Number(count_include_pad),
      };
    },
  },
  GlobalAveragePool: {},
  BatchNormalization: {
    attributes: ({ epsilon, momentum, training_mode }) => ({
      epsilon: { float: Number(epsilon) },
      momentum: { float: Number(momentum) },
      training_mode: Number(training_mode),
    }),
  },
  LayerNormalization: {
    attributes: ({ axis, epsilon }) => ({ axis: Number(axis), epsilon: { float: Number(epsilon) } }),
  },
  Transpose: { attributes: ({ perm }) => ({ perm: numbers(perm) }) },
  Squeeze: onAxes,
  Unsqueeze: onAxes,
  Split: { ...along, constants: ({ attributes }) => [int64s(numbers(attributes.sizes))] },
  Slice: {
    constants: ({ attributes: { start, end, axis, step } }) =>
      [start, end, axis, step].map((value) => int64s([Number(value)])),
  },
  Pad: {
    constants: ({ attributes: { pads, value }, outputs: [y] }) => [
      int64s(numbers(pads)),
      tensor(y?.dtype ?? "float32", [], [Number(value)]),
    ],
  },
  ScatterElements: {
    attributes: ({ axis, reduction: combine }) => ({ axis: Number(axis), reduction: String(combine) }),
  },
  SoftmaxCrossEntropyLoss: { ...loss, firstSuffices: true },
  NegativeLogLikelihoodLoss: loss,
  StopGradient: { op: "Identity" },
  Cast: { attributes: ({ to }) => ({ to: ONNX_DTYPE[to as DType] }) },
  OneHot: {
    attributes: () => ({ axis: -1 }),
    constants: ({ attributes }) => [
      int64s([Number(attributes.depth)]),
      tensor(attributes.dtype as FloatDType, [2], [0, 1]),
    ],
  },
};

export interface OnnxForm {
  readonly op: string;
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
  readonly constants: readonly Tensor[];
  /** The number of outputs that must be written. */
  readonly outputs: number;
}

/** @throws GraphError if the operator has no ONNX form. */
export function onnxForm(node: Node): OnnxForm {
  const spelling = SPELLINGS[node.op];
  if (!spelling) throw new GraphError(`${node.op} cannot be written as ONNX`);
  return {
    op: spelling.op ?? node.op,
    attributes: spelling.attributes?.(node.attributes) ?? {},
    constants: spelling.constants?.(node) ?? [],
    outputs: spelling.firstSuffices ? 1 : node.outputs.length,
  };
}
