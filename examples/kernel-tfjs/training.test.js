import * as tf from "@tensorflow/tfjs";
import { expect, it } from "vitest";
import { createTraining, kernelLoss, libraryLoss } from "./training.js";

it("trains as with the loss of TensorFlow.js", async () => {
  const shape = { rows: 16, inputs: 8, classes: 50 };
  const steps = [createTraining(shape, libraryLoss(shape)), createTraining(shape, await kernelLoss())];
  const losses = steps.map((step) => Array.from({ length: 100 }, step));
  const [library, kernel] = losses;
  kernel.forEach((loss, step) => {
    expect(Math.abs(loss - library[step])).toBeLessThan(1e-4);
  });
  expect(kernel.at(-1)).toBeLessThan(kernel[0]);
});

it("is a loss of model.fit", async () => {
  const loss = await kernelLoss();
  const images = tf.randomNormal([8, 3]);
  const labels = tf.oneHot(tf.tensor1d([0, 1, 2, 3, 0, 1, 2, 3], "int32"), 4);
  const [kernel, library] = await Promise.all(
    [
      (oneHot, logits) => loss(logits, oneHot),
      (oneHot, logits) => tf.losses.softmaxCrossEntropy(oneHot, logits),
    ].map(async (of) => {
      const layers = [tf.layers.dense({ units: 4, inputShape: [3], kernelInitializer: "ones" })];
      const model = tf.sequential({ layers });
      model.compile({ optimizer: "sgd", loss: of });
      const { history } = await model.fit(images, labels, { epochs: 5, shuffle: false, verbose: 0 });
      return history.loss;
    }),
  );
  expect(kernel).toHaveLength(5);
  kernel.forEach((value, epoch) => {
    expect(Math.abs(value - library[epoch])).toBeLessThan(1e-5);
  });
});
