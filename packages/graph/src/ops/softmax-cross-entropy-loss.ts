import { GraphError, type Value } from "../graph.js";
import type { OpDefinition } from "../op.js";
import { read, sizeOf, tensor } from "../tensor.js";
import { div, exp, mul, oneHot, scalar, sub } from "../vocabulary.js";
import { LogSoftmax } from "./softmax.js";
import { expectInputs, stringAttribute } from "./support.js";

/**
 * ONNX `SoftmaxCrossEntropyLoss`: scores `[N, C]`, labels `[N]` → the mean loss (a scalar) and the
 * log-probabilities `[N, C]`. Mean reduction, no class weights, no ignored label.
 *
 * The gradient is the one every framework writes by hand for this operator, `(exp(logProb) − onehot) / N`;
 * it reuses the operator's own second output.
 */
export const SoftmaxCrossEntropyLoss: OpDefinition = {
  name: "SoftmaxCrossEntropyLoss",
  infer: (inputs, attributes) => {
    const [scores, labels] = expectInputs(inputs, 2);
    const reduction = stringAttribute(attributes, "reduction");
    if (reduction !== "mean") throw new GraphError(`reduction must be "mean", got "${reduction}"`);
    if (scores.shape.length !== 2 || labels.shape.length !== 1 || labels.shape[0] !== scores.shape[0]) {
      throw new GraphError("takes scores [N, C] and labels [N]");
    }
    return [{ dtype: scores.dtype, shape: [] }, scores];
  },
  evaluate: ([scores, labels]) => {
    if (!scores || !labels) return [];
    const [logProb] = LogSoftmax.evaluate([scores], { axis: 1 }, [scores]);
    if (!logProb) return [];
    const rows = sizeOf(labels.shape);
    const classes = sizeOf(scores.shape) / rows;
    let sum = 0;
    for (let row = 0; row < rows; row++) {
      sum -= read(logProb.data, row * classes + read(labels.data, row));
    }
    return [tensor(scores.dtype, [], [sum / rows]), logProb];
  },
  gradient: ({ inputs: [scores, labels], outputs: [, logProb], upstream: [ofLoss, ofLogProb] }) => {
    if (!scores || !labels || !logProb) return [];
    if (ofLogProb) throw new GraphError("SoftmaxCrossEntropyLoss: no gradient through the log-probabilities");
    if (!ofLoss) return [];
    return [lossGradient(scores, labels, logProb, ofLoss), undefined];
  },
};

function lossGradient(scores: Value, labels: Value, logProb: Value, upstream: Value): Value {
  const [rows = 1, classes = 1] = scores.shape;
  const difference = sub(exp(logProb), oneHot(labels, classes, scores.dtype));
  return mul(difference, div(upstream, scalar(rows, scores.dtype)));
}
