import {
  div,
  gatherElements,
  labelWeights,
  mul,
  neg,
  type Rule,
  readableLabels,
  reduceMean,
  reduceSum,
  reshape,
  type Value,
} from "@softmax-bench/graph";
import { logSoftmaxSteps } from "./log-softmax.js";

/**
 * `SoftmaxCrossEntropyLoss` as the ONNX specification defines it: the negative log-probabilities at the labels, weighted
 * and reduced. ONNX Runtime expands it by itself, but into a `LogSoftmax` (see `logSoftmaxInSteps`).
 */
export const softmaxCrossEntropyLossInSteps: Rule = (node, [scores, labels, weights]) => {
  if (node.op !== "SoftmaxCrossEntropyLoss" || !scores || !labels) return undefined;
  const { reduction, ignore_index } = node.attributes;
  const ignoreIndex = ignore_index === undefined ? undefined : Number(ignore_index);
  const logProb = logSoftmaxSteps(scores, 1);
  const column = reshape(readableLabels(labels, ignoreIndex), [...labels.shape, 1]);
  const losses = reshape(neg(gatherElements(logProb, column, 1)), labels.shape);
  if (!weights && ignoreIndex === undefined) return [unweighted(losses, reduction), logProb];

  const [, classes = 1] = scores.shape;
  const rows = labelWeights(labels, classes, scores.dtype, { weights, ignoreIndex });
  const counted = reduceSum(rows, { axes: [1] });
  const weighted = mul(losses, counted);
  if (reduction === "none") return [weighted, logProb];
  const sum = reduceSum(weighted);
  return [reduction === "mean" ? div(sum, reduceSum(counted)) : sum, logProb];
};

function unweighted(losses: Value, reduction: unknown): Value {
  if (reduction === "none") return losses;
  return reduction === "mean" ? reduceMean(losses) : reduceSum(losses);
}
