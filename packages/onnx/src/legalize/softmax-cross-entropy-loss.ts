import { gatherElements, neg, type Rule, reduceMean, reshape } from "@softmax-bench/graph";
import { logSoftmaxSteps } from "./log-softmax.js";

/**
 * `SoftmaxCrossEntropyLoss` as the ONNX specification defines it: the mean of the negative log-probabilities
 * at the labels. ONNX Runtime expands it by itself, but into a `LogSoftmax` (see `logSoftmaxInSteps`).
 */
export const softmaxCrossEntropyLossInSteps: Rule = (node, [scores, labels]) => {
  if (node.op !== "SoftmaxCrossEntropyLoss" || !scores || !labels) return undefined;
  const logProb = logSoftmaxSteps(scores, 1);
  const atLabels = gatherElements(logProb, reshape(labels, [...labels.shape, 1]), 1);
  return [reduceMean(neg(atLabels)), logProb];
};
