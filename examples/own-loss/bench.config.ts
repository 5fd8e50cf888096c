import * as tf from "@tensorflow/tfjs-core";
import { defineConfig } from "softmax-bench";
import { myGradient } from "./my-gradient.ts";

/** log Σ exp(x) − x at the label, from TensorFlow.js's own log-sum-exp. */
const logSumExpLoss = (logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Scalar => {
  const isTarget = tf.cast(tf.oneHot(labels, logits.shape[1]), "bool");
  // A product with the one-hot matrix would be NaN where a class is masked: 0 · −∞.
  const target = tf.sum(tf.where(isTarget, logits, tf.zerosLike(logits)), 1);
  return tf.mean(tf.sub(tf.logSumExp(logits, 1), target));
};

export default defineConfig({
  backends: ["tfjs-wasm", "javascript"],
  methods: [
    "manual/shifted",
    { id: "mine/log-sum-exp", backend: "tfjs-wasm", loss: logSumExpLoss },
    { id: "mine/loops", gradient: myGradient },
  ],
});
