import { METHODS } from "@softmax-bench/core";
import { softmaxCrossEntropy } from "@softmax-bench/tfjs";
import "@tensorflow/tfjs";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeAll, describe, expect, it } from "vitest";

const manualMethods = METHODS.filter(({ kind }) => kind === "manual");

/** A model of one dense layer: features [4, 3], weights [3, 5]. */
const features = () => tf.tensor2d([0.1, -0.4, 0.9, 1.2, 0.3, -0.8, 0.5, 0.5, -0.2, -1.1, 0.7, 0.6], [4, 3]);
const weights = () =>
  tf.tensor2d(
    Array.from({ length: 15 }, (_, i) => Math.sin(i)),
    [3, 5],
  );
const labels = () => tf.tensor1d([2, 0, 4, 1], "int32");

/** tfjs-core's own loss, which does not come from our graphs. */
const reference = (w: tf.Tensor): tf.Scalar => {
  const onehot = tf.cast(tf.oneHot(labels(), 5), "float32");
  return tf.losses.softmaxCrossEntropy(onehot, tf.matMul(features(), w));
};

beforeAll(async () => {
  await tf.setBackend("cpu");
});
afterEach(() => tf.disposeVariables());

describe.each(manualMethods)("softmaxCrossEntropy($id) inside a larger model", ({ id }) => {
  it("gives the parameters the gradient that the library's own loss gives", () => {
    const loss = softmaxCrossEntropy(id);
    const ofModel = (w: tf.Tensor) =>
      tf.mul(loss(tf.matMul(features() as tf.Tensor2D, w as tf.Tensor2D), labels()), 3) as tf.Scalar;
    const [manual, expected] = [tf.grad(ofModel)(weights()), tf.grad(reference)(weights())];
    const difference = tf.max(tf.abs(tf.sub(manual, tf.mul(expected, 3)))).dataSync()[0];
    expect(difference).toBeLessThan(1e-6);
  });

  it("has the options of the loss: weights, smoothing, an ignored label, one loss per row", () => {
    const classWeights = tf.tensor1d([0.5, 1, 2, 1.5, 0.25]);
    const ignoring = tf.tensor1d([2, -100, 4, 1], "int32");
    const perRow = softmaxCrossEntropy(id, { reduction: "none", ignoreIndex: -100, labelSmoothing: 0.2 });
    const upstream = tf.tensor1d([1, 7, -2, 0.5]);
    const ofModel = (w: tf.Tensor) => {
      const logits = tf.matMul(features() as tf.Tensor2D, w as tf.Tensor2D) as tf.Tensor2D;
      return tf.sum(tf.mul(perRow(logits, ignoring, classWeights), upstream)) as tf.Scalar;
    };
    // The definition in the library's own words, differentiated by its tape.
    const defined = (w: tf.Tensor) => {
      const logP = tf.logSoftmax(tf.matMul(features(), w as tf.Tensor2D));
      const onehot = tf.cast(tf.oneHot(ignoring, 5), "float32");
      const q = tf.mul(tf.add(tf.mul(onehot, 0.8), 0.2 / 5), classWeights);
      const counted = tf.tensor2d([1, 0, 1, 1], [4, 1]);
      return tf.sum(tf.mul(tf.neg(tf.sum(tf.mul(tf.mul(q, counted), logP), 1)), upstream)) as tf.Scalar;
    };
    const [manual, expected] = [tf.grad(ofModel)(weights()), tf.grad(defined)(weights())];
    expect(tf.max(tf.abs(tf.sub(manual, expected))).dataSync()[0]).toBeLessThan(1e-5);
  });

  it("trains: a step against the gradient lowers the loss", () => {
    const loss = softmaxCrossEntropy(id);
    const w = tf.variable(weights());
    const lossNow = () => loss(tf.matMul(features() as tf.Tensor2D, w as tf.Tensor2D), labels());
    const before = lossNow().dataSync()[0] as number;
    const { grads } = tf.variableGrads(lossNow);
    w.assign(tf.sub(w, tf.mul(grads[w.name] as tf.Tensor, 0.5)));
    expect(lossNow().dataSync()[0]).toBeLessThan(before);
  });
});

describe("softmaxCrossEntropy", () => {
  it("refuses a method that has no hand-written gradient", () => {
    const logits = tf.zeros([4, 5]) as tf.Tensor2D;
    expect(() => softmaxCrossEntropy("autograd/naive")(logits, labels())).toThrow(
      "autograd/naive has no hand-written gradient",
    );
  });

  it("leaves no tensors behind but its result", () => {
    const logits = tf.zeros([4, 5]) as tf.Tensor2D;
    const target = labels();
    const { numTensors } = tf.memory();
    softmaxCrossEntropy("manual/exact-target")(logits, target).dispose();
    softmaxCrossEntropy("manual/fused", { reduction: "none" })(logits, target).dispose();
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});
