import type { Attributes, DType, Kernels, Node } from "@softmax-bench/graph";

/** The CPU provider computes float16 in float32: it puts casts around every operator of arithmetic by itself. */
const ALL: readonly DType[] = ["float32", "float64", "float16"];
const SINGLE: readonly DType[] = ["float32", "float16"];
const NONE: readonly DType[] = [];

/** True if a pool is dilated: `AveragePool` has no dilations in the operator set of written models. */
const isDilated = ({ dilations }: Attributes): boolean =>
  Array.isArray(dilations) && dilations.some((dilation) => dilation !== 1);

/** True if a window moves over at most some number of axes. */
const movesOver = ({ strides }: Attributes, most: number): boolean =>
  Array.isArray(strides) && strides.length <= most;

/** True if images have at most some number of axes. */
const isOver = ({ inputs: [x] }: Node, most: number): boolean => (x?.shape.length ?? 0) - 2 <= most;

/** The same kernels for each of some operators. */
const each = (dtypes: readonly DType[], ...operators: string[]): Kernels =>
  Object.fromEntries(operators.flatMap((group) => group.split(" ")).map((op) => [op, dtypes]));

/**
 * ONNX Runtime's CPU provider, native and compiled to WebAssembly (its docs/OperatorKernels.md, and messages of
 * sessions); CUDA's has no fewer. `StopGradient` is an `Identity` in a model.
 */
export const ONNXRUNTIME_CPU: Kernels = {
  ...each(
    ALL,
    "Exp Log Neg Sqrt Abs Sin Cos Floor Round Clip Identity StopGradient",
    "Relu LeakyRelu Sigmoid Tanh Softmax LogSoftmax",
    "Add Sub Mul Div Mod Pow Max Min And Or Not Equal Greater Less Where",
    "ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceLogSumExp ArgMax CumSum TopK",
    "MatMul Gemm LayerNormalization SoftmaxCrossEntropyLoss NegativeLogLikelihoodLoss",
    "Gather GatherElements ScatterElements",
    "Reshape Flatten Squeeze Unsqueeze Transpose Expand Cast Concat Split Slice Pad",
  ),
  ...each(SINGLE, "Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh Erf Softplus Conv ConvTranspose"),
  MaxPool: ({ attributes }) => (movesOver(attributes, 3) ? ALL : NONE),
  AveragePool: ({ attributes }) => (movesOver(attributes, 3) && !isDilated(attributes) ? SINGLE : NONE),
  GlobalAveragePool: (node) => (isOver(node, 3) ? SINGLE : NONE),
  // In training mode it overwrites the given running mean and variance, in the caller's own arrays.
  BatchNormalization: ({ attributes }) => (attributes.training_mode === 1 ? NONE : ALL),
  // ONNX defines no Range of float16.
  Range: ["float32", "float64"],
  // The float32 kernel is several times slower than `Equal` and `Cast`: it has one thread.
  OneHot: NONE,
};

/**
 * ONNX Runtime's WebGPU provider, without float64. Missing kernels would run on the CPU and move matrices there and back
 * in every run. Its log confirms the operators of losses; the others are assumed to be as on the CPU.
 */
export const ONNXRUNTIME_WEBGPU: Kernels = {
  ...Object.fromEntries(Object.keys(ONNXRUNTIME_CPU).map((op) => [op, SINGLE])),
  // microsoft/onnxruntime#28356; its convolutions over three axes have no groups (#27917).
  Conv: ({ attributes }) => (movesOver(attributes, 2) ? SINGLE : NONE),
  ConvTranspose: ({ attributes }) => (movesOver(attributes, 2) ? SINGLE : NONE),
  MaxPool: ({ attributes }) => (movesOver(attributes, 2) ? SINGLE : NONE),
  AveragePool: ({ attributes }) => (movesOver(attributes, 2) && !isDilated(attributes) ? SINGLE : NONE),
  GlobalAveragePool: (node) => (isOver(node, 2) ? SINGLE : NONE),
  BatchNormalization: ({ attributes }) => (attributes.training_mode === 1 ? NONE : SINGLE),
  ...each(NONE, "LogSoftmax SoftmaxCrossEntropyLoss NegativeLogLikelihoodLoss OneHot"),
};
