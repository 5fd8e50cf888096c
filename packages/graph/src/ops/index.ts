import { register } from "../op.js";
import { Clip, Erf, LeakyRelu, Relu, Sigmoid, Softplus, Tanh } from "./activation.js";
import { Add, Div, Equal, Greater, Less, Max, Min, Mod, Mul, Pow, Sub } from "./arithmetic.js";
import { Concat, Split } from "./concat.js";
import { Conv } from "./conv.js";
import { ConvTranspose } from "./conv-transpose.js";
import { Gather, GatherElements, OneHot, ScatterElements } from "./indexing.js";
import { Gemm, MatMul } from "./linear.js";
import { And, Not, Or } from "./logic.js";
import { BatchNormalization, LayerNormalization } from "./normalization.js";
import { AveragePool, GlobalAveragePool, MaxPool } from "./pool.js";
import { ReduceLogSumExp, ReduceMax, ReduceMean, ReduceMin, ReduceProd, ReduceSum } from "./reduction.js";
import { Where } from "./selection.js";
import { ArgMax, CumSum, Range, TopK } from "./sequences.js";
import { Cast, Expand, Flatten, Reshape, Squeeze, Transpose, Unsqueeze } from "./shape.js";
import { Pad, Slice } from "./slice.js";
import { LogSoftmax, Softmax } from "./softmax.js";
import { NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss } from "./softmax-cross-entropy-loss.js";
import { Acos, Acosh, Asin, Asinh, Atan, Atanh, Cos, Cosh, Sin, Sinh, Tan } from "./trigonometry.js";
import { Abs, Exp, Floor, Identity, Log, Neg, Round, Sqrt, StopGradient } from "./unary.js";

register([
  ...[Exp, Log, Neg, Sqrt, Abs, Floor, Round, Identity, StopGradient],
  ...[Sin, Cos, Tan, Asin, Acos, Atan, Sinh, Cosh, Asinh, Acosh, Atanh],
  ...[Relu, LeakyRelu, Sigmoid, Softplus, Tanh, Erf, Clip],
  ...[Add, Sub, Mul, Div, Mod, Pow, Max, Min],
  ...[Equal, Greater, Less, Where, And, Or, Not],
  ...[MatMul, Gemm, Conv, ConvTranspose],
  ...[MaxPool, AveragePool, GlobalAveragePool],
  ...[BatchNormalization, LayerNormalization],
  ...[ReduceSum, ReduceMean, ReduceMax, ReduceMin, ReduceProd, ReduceLogSumExp],
  ...[Softmax, LogSoftmax, SoftmaxCrossEntropyLoss, NegativeLogLikelihoodLoss],
  ...[Range, CumSum, ArgMax, TopK],
  ...[OneHot, Gather, GatherElements, ScatterElements],
  ...[Reshape, Flatten, Squeeze, Unsqueeze, Transpose, Expand, Cast],
  ...[Concat, Split, Slice, Pad],
]);
