import type { Node } from "@softmax-bench/graph";
import * as tf from "@tensorflow/tfjs-core";
import { oneHot } from "./indexing.js";

/** `tf.losses.softmaxCrossEntropy`, which knows weights of rows only: those of the labels, and 0 for ignored ones. */
export function libraryLoss(
  node: Node,
  logits: tf.Tensor,
  labels: tf.Tensor,
  weights?: tf.Tensor,
): tf.Tensor {
  const { reduction, ignore_index } = node.attributes;
  const ones = oneHot(labels, logits.shape[1] as number);
  const byClass = weights ? tf.sum(tf.mul(ones, weights), 1) : undefined;
  const counts =
    ignore_index === undefined ? undefined : tf.notEqual(labels, tf.scalar(Number(ignore_index), "int32"));
  const counted = counts && tf.cast(counts, "float32");
  const rows = byClass && counted ? tf.mul(byClass, counted) : (byClass ?? counted);
  // The library's own default, which is what its users call.
  if (!rows && reduction === "mean") return tf.losses.softmaxCrossEntropy(ones, logits);
  const scores = counts ? withGradientOf(logits, counts) : logits;
  return tf.losses.softmaxCrossEntropy(ones, scores, rows, 0, LIBRARY_REDUCTION[String(reduction)]);
}

/** The logits, with a gradient of 0 for rows that do not count: of a mean over none, the library's is 0/0. */
function withGradientOf(logits: tf.Tensor, counts: tf.Tensor): tf.Tensor {
  return tf.customGrad((...given) => {
    const [x, save] = given as unknown as [tf.Tensor, tf.GradSaveFunc];
    save([tf.expandDims(counts, 1)]);
    return {
      value: tf.clone(x),
      gradFunc: (upstream: tf.Tensor, [column]: tf.Tensor[]) =>
        tf.where(column as tf.Tensor, upstream, tf.zerosLike(upstream)),
    };
  })(logits);
}

const LIBRARY_REDUCTION: Readonly<Record<string, tf.Reduction>> = {
  mean: tf.Reduction.MEAN,
  sum: tf.Reduction.SUM,
  none: tf.Reduction.NONE,
};
