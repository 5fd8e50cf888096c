import type { Node } from "@softmax-bench/graph";
import * as tf from "@tensorflow/tfjs-core";
import { oneHot } from "./indexing.js";

/** `tf.losses.softmaxCrossEntropy`, which supports row weights only: those of the labels, and 0 for ignored ones. */
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
    ignore_index === undefined
      ? undefined
      : tf.cast(tf.notEqual(labels, tf.scalar(Number(ignore_index), "int32")), "float32");
  const rows = byClass && counts ? tf.mul(byClass, counts) : (byClass ?? counts);
  // The library's own default, which its users call.
  if (!rows && reduction === "mean") return tf.losses.softmaxCrossEntropy(ones, logits);
  return tf.losses.softmaxCrossEntropy(ones, logits, rows, 0, LIBRARY_REDUCTION[String(reduction)]);
}

const LIBRARY_REDUCTION: Readonly<Record<string, tf.Reduction>> = {
  mean: tf.Reduction.MEAN,
  sum: tf.Reduction.SUM,
  none: tf.Reduction.NONE,
};
