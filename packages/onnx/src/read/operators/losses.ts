import {
  negativeLogLikelihoodLoss,
  reshape,
  sizeOf,
  softmaxCrossEntropyLoss,
  transpose,
  type Value,
} from "@softmax-bench/graph";
import type { OnnxNode } from "../node.js";
import type { Readers } from "./reader.js";

/** Scores `[N, C, d…]` and labels `[N, d…]` as rows: `[N d…, C]` and `[N d…]`. */
function asRows(node: OnnxNode) {
  const [scores, labels] = [node.input(0), node.input(1)];
  const [images = 0, classes = 0, ...inner] = scores.shape;
  const order = [0, ...inner.map((_, axis) => axis + 2), 1];
  const weights = node.optional(2);
  const ignoreIndex = node.int64("ignore_index");
  const reduction = node.string("reduction", "mean") as "mean" | "sum" | "none";
  const count = images * sizeOf(inner);
  return {
    scores: inner.length === 0 ? scores : reshape(transpose(scores, order), [count, classes]),
    labels: inner.length === 0 ? labels : reshape(labels, [count]),
    options: {
      weights,
      ignoreIndex: ignoreIndex === undefined ? undefined : node.exact(ignoreIndex),
      reduction,
    },
    /** Moves the loss of each row back to its position. */
    loss: (loss: Value) => (reduction === "none" ? reshape(loss, labels.shape) : loss),
    probabilities: (logProb: Value) => {
      if (inner.length === 0) return logProb;
      const back = [0, inner.length + 1, ...inner.map((_, axis) => axis + 1)];
      return transpose(reshape(logProb, [images, ...inner, classes]), back);
    },
  };
}

export const LOSSES: Readers = {
  SoftmaxCrossEntropyLoss: (node) => {
    const { scores, labels, options, loss, probabilities } = asRows(node);
    const made = softmaxCrossEntropyLoss(scores, labels, options);
    return [loss(made.loss), probabilities(made.logProb)];
  },
  NegativeLogLikelihoodLoss: (node) => {
    const { scores, labels, options, loss } = asRows(node);
    return loss(negativeLogLikelihoodLoss(scores, labels, options));
  },
};
