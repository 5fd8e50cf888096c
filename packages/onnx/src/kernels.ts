import type { Attributes, DType, Kernels } from "@softmax-bench/graph";

const BOTH: readonly DType[] = ["float32", "float64"];
const FLOAT32: readonly DType[] = ["float32"];
const NONE: readonly DType[] = [];

/** True if a pool is dilated: `AveragePool` has no dilations in the operator set of written models. */
const isDilated = ({ dilations }: Attributes): boolean =>
  Array.isArray(dilations) && dilations.some((dilation) => dilation !== 1);

/**
 * ONNX Runtime's CPU provider, native and compiled to WebAssembly (its docs/OperatorKernels.md, and messages of
 * sessions); CUDA's has no fewer. `StopGradient` is an `Identity` in a model.
 */
export const ONNXRUNTIME_CPU: Kernels = {
  ...{ Exp: BOTH, Log: BOTH, Neg: BOTH, Sqrt: BOTH, Abs: BOTH, Identity: BOTH, StopGradient: BOTH },
  ...{ Relu: BOTH, LeakyRelu: BOTH, Sigmoid: BOTH, Tanh: BOTH, Erf: FLOAT32, Clip: BOTH },
  ...{ Add: BOTH, Sub: BOTH, Mul: BOTH, Div: BOTH, Pow: BOTH, Max: BOTH, Min: BOTH },
  ...{ Floor: BOTH, Round: BOTH, Softplus: FLOAT32, Mod: BOTH, And: BOTH, Or: BOTH, Not: BOTH },
  ...{ Sin: BOTH, Cos: BOTH, Tan: FLOAT32, Asin: FLOAT32, Acos: FLOAT32, Atan: FLOAT32 },
  ...{ Sinh: FLOAT32, Cosh: FLOAT32, Asinh: FLOAT32, Acosh: FLOAT32, Atanh: FLOAT32 },
  ...{ Range: BOTH, CumSum: BOTH, ArgMax: BOTH, TopK: BOTH, ReduceMin: BOTH, ReduceProd: BOTH },
  ...{ Equal: BOTH, Greater: BOTH, Less: BOTH, Where: BOTH },
  ...{ MatMul: BOTH, Gemm: BOTH, Conv: FLOAT32, ConvTranspose: FLOAT32 },
  ...{ MaxPool: BOTH, GlobalAveragePool: FLOAT32 },
  AveragePool: (attributes) => (isDilated(attributes) ? NONE : FLOAT32),
  // In training mode it overwrites the given running mean and variance, in the caller's own arrays.
  BatchNormalization: ({ training_mode }) => (training_mode === 1 ? NONE : BOTH),
  LayerNormalization: BOTH,
  ...{ ReduceSum: BOTH, ReduceMean: BOTH, ReduceMax: BOTH, ReduceLogSumExp: BOTH },
  ...{ Softmax: BOTH, LogSoftmax: BOTH, SoftmaxCrossEntropyLoss: BOTH, NegativeLogLikelihoodLoss: BOTH },
  // The float32 kernel is several times slower than `Equal` and `Cast`: it has one thread.
  OneHot: NONE,
  ...{ Gather: BOTH, GatherElements: BOTH, ScatterElements: BOTH },
  ...{
    Reshape: BOTH,
    Flatten: BOTH,
    Squeeze: BOTH,
    Unsqueeze: BOTH,
    Transpose: BOTH,
    Expand: BOTH,
    Cast: BOTH,
  },
  ...{ Concat: BOTH, Split: BOTH, Slice: BOTH, Pad: BOTH },
};

/**
 * ONNX Runtime's WebGPU provider, float32 only. Missing kernels would run on the CPU and move matrices there and back
 * in every run. Its log confirms the operators of losses; the others are assumed to be as on the CPU.
 */
export const ONNXRUNTIME_WEBGPU: Kernels = {
  ...Object.fromEntries(Object.keys(ONNXRUNTIME_CPU).map((op) => [op, FLOAT32])),
  AveragePool: (attributes) => (isDilated(attributes) ? NONE : FLOAT32),
  BatchNormalization: ({ training_mode }) => (training_mode === 1 ? NONE : FLOAT32),
  ...{ LogSoftmax: NONE, SoftmaxCrossEntropyLoss: NONE, NegativeLogLikelihoodLoss: NONE, OneHot: NONE },
};
