import { register } from "../op.js";
import { Add, Div, Equal, Mul, Sub } from "./arithmetic.js";
import { GatherElements, OneHot, ScatterElements } from "./indexing.js";
import { ReduceMax, ReduceMean, ReduceSum } from "./reduction.js";
import { Cast, Expand, Reshape } from "./shape.js";
import { LogSoftmax, Softmax } from "./softmax.js";
import { SoftmaxCrossEntropyLoss } from "./softmax-cross-entropy-loss.js";
import { Exp, Log, Neg, StopGradient } from "./unary.js";

register([
  ...[Exp, Log, Neg, StopGradient],
  ...[Add, Sub, Mul, Div, Equal],
  ...[ReduceSum, ReduceMean, ReduceMax],
  ...[Softmax, LogSoftmax, SoftmaxCrossEntropyLoss],
  ...[OneHot, GatherElements, ScatterElements],
  ...[Reshape, Expand, Cast],
]);
