import { register } from "../op.js";
import { Clip, Erf, LeakyRelu, Relu, Sigmoid, Tanh } from "./activation.js";
import { Add, Div, Equal, Greater, Less, Max, Min, Mul, Pow, Sub } from "./arithmetic.js";
import { Concat, Split } from "./concat.js";
import { Conv } from "./conv.js";
import { ConvTranspose } from "./conv-transpose.js";
import { Gather, GatherElements, OneHot, ScatterElements } from "./indexing.js";
import { Gemm, MatMul } from "./linear.js";
import { BatchNormalization, LayerNormalization } from "./normalization.js";
import { AveragePool, GlobalAveragePool, MaxPool } from "./pool.js";
import { ReduceLogSumExp, ReduceMax, ReduceMean, ReduceSum } from "./reduction.js";
import { Where } from "./selection.js";
import { Cast, Expand, Flatten, Reshape, Squeeze, Transpose, Unsqueeze } from "./shape.js";
import { Pad, Slice } from "./slice.js";
import { LogSoftmax, Softmax } from "./softmax.js";
import { NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss } from "./softmax-cross-entropy-loss.js";
import { Abs, Exp, Identity, Log, Neg, Sqrt, StopGradient } from "./unary.js";

register([
  ...[Exp, Log, Neg, Sqrt, Abs, Identity, StopGradient],
  ...[Relu, LeakyRelu, Sigmoid, Tanh, Erf, Clip],
  ...[Add, Sub, Mul, Div, Pow, Max, Min],
  ...[Equal, Greater, Less, Where],
  ...[MatMul, Gemm, Conv, ConvTranspose],
  ...[MaxPool, AveragePool, GlobalAveragePool],
  ...[BatchNormalization, LayerNormalization],
  ...[ReduceSum, ReduceMean, ReduceMax, ReduceLogSumExp],
  ...[Softmax, LogSoftmax, SoftmaxCrossEntropyLoss, NegativeLogLikelihoodLoss],
  ...[OneHot, Gather, GatherElements, ScatterElements],
  ...[Reshape, Flatten, Squeeze, Unsqueeze, Transpose, Expand, Cast],
  ...[Concat, Split, Slice, Pad],
]);
