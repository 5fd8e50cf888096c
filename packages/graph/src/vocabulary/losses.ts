import type { Value } from "../graph.js";
import { apply, applyAll } from "../op.js";
import type { DType } from "../tensor.js";
import { cast, equal, mul, sub } from "./elementwise.js";
import { oneHot } from "./indexing.js";
import { scalar } from "./numbers.js";
import { reshape } from "./shapes.js";

/** The weights of labels, and the ignored one. */
export interface LabelOptions {
  /** Class weights `[C]`; 1 for each class by default. */
  readonly weights?: Value | undefined;
  /** Rows with this label count nothing. */
  readonly ignoreIndex?: number | undefined;
}

/**
 * ONNX `SoftmaxCrossEntropyLoss`: scores `[N, C]`, labels `[N]` → the loss (a scalar, or `[N]` for reduction "none")
 * and the log-probabilities `[N, C]`.
 */
export function softmaxCrossEntropyLoss(
  scores: Value,
  labels: Value,
  {
    reduction = "mean",
    weights,
    ignoreIndex,
  }: LabelOptions & { readonly reduction?: "mean" | "sum" | "none" } = {},
): { loss: Value; logProb: Value } {
  const [loss, logProb] = applyAll(
    "SoftmaxCrossEntropyLoss",
    [scores, labels, ...(weights ? [weights] : [])],
    {
      reduction,
      ...(ignoreIndex === undefined ? {} : { ignore_index: ignoreIndex }),
    },
  );
  return { loss, logProb } as { loss: Value; logProb: Value };
}

/**
 * ONNX `NegativeLogLikelihoodLoss`: log-probabilities `[N, C]`, labels `[N]` → the loss (a scalar, or `[N]` for
 * reduction "none").
 */
export const negativeLogLikelihoodLoss = (
  logProb: Value,
  labels: Value,
  {
    reduction = "mean",
    weights,
    ignoreIndex,
  }: LabelOptions & { readonly reduction?: "mean" | "sum" | "none" } = {},
): Value =>
  apply("NegativeLogLikelihoodLoss", [logProb, labels, ...(weights ? [weights] : [])], {
    reduction,
    ...(ignoreIndex === undefined ? {} : { ignore_index: ignoreIndex }),
  });

/** Rows `[N, C]` of zeros with the weight of the row's label at its class; all zeros if the label is ignored. */
export function labelWeights(
  labels: Value,
  classes: number,
  dtype: DType,
  { weights, ignoreIndex }: LabelOptions = {},
): Value {
  const rows = oneHot(labels, classes, dtype);
  const weighted = weights ? mul(rows, reshape(weights, [1, classes])) : rows;
  if (ignoreIndex === undefined) return weighted;
  const counts = cast(isNot(labels, ignoreIndex), dtype);
  return mul(weighted, reshape(counts, [...labels.shape, 1]));
}

/** The labels, with class 0 in place of the ignored one: valid indices for an operator. */
export function readableLabels(labels: Value, ignoreIndex: number | undefined): Value {
  return ignoreIndex === undefined ? labels : mul(labels, cast(isNot(labels, ignoreIndex), labels.dtype));
}

/** Returns 1 if the integers differ from a value, as int32: ONNX has no arithmetic on `bool`. */
const isNot = (x: Value, value: number): Value =>
  sub(scalar(1, "int32"), cast(equal(x, scalar(value, x.dtype)), "int32"));
