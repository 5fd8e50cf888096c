import { GRAPH_METHODS } from "@softmax-bench/core";
import { type LossFunction, softmaxCrossEntropy } from "@softmax-bench/tfjs";
import "@tensorflow/tfjs";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

const manualMethods = GRAPH_METHODS.filter(({ kind }) => kind === "manual");

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
    expect(() => softmaxCrossEntropy("autograd/naive")).toThrow(
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

  it("takes labels of the ignored rows, whatever they are", () => {
    const loss = softmaxCrossEntropy("manual/fused", { ignoreIndex: -100 });
    const logits = tf.tensor2d([1, 2, 3, 3, 1, 0], [2, 3]);
    const [gradient] = tf.grads((x: tf.Tensor) => loss(x as tf.Tensor2D, tf.tensor1d([0, -100], "int32")))([
      logits,
    ]);
    const ofIgnored = (gradient as tf.Tensor).dataSync().subarray(3);
    expect(ofIgnored.every((value) => value === 0)).toBe(true);
  });
});

describe("softmaxCrossEntropy refuses", () => {
  const logits = () => tf.tensor2d([1, 2, 3, 3, 1, 0], [2, 3]);
  const classes = (...values: number[]) => tf.tensor1d(values, "int32");
  const call = (target: tf.Tensor, options: Record<string, unknown> = {}, weights?: tf.Tensor1D) =>
    softmaxCrossEntropy("manual/shifted", options as { reduction: "sum" })(logits(), target, weights);

  it.each<[string, () => unknown, string]>([
    ["one label for two rows", () => call(classes(0)), "labels: expected a tensor int32 [2], got int32 [1]"],
    [
      "a column of labels",
      () => call(tf.tensor2d([0, 1], [2, 1], "int32")),
      "expected a tensor int32 [2], got int32 [2,1]",
    ],
    [
      "labels that are not integers",
      () => call(tf.tensor1d([0, 1])),
      "expected a tensor int32 [2], got float32 [2]",
    ],
    [
      "no tensor",
      () => call([0, 1] as unknown as tf.Tensor),
      "labels: expected a tensor int32 [2], got object",
    ],
    [
      "a label beyond the classes",
      () => call(classes(0, 3)),
      "labels: expected 0 to 2, got 3 in row 1; set ignoreIndex to 3 if",
    ],
    [
      "a negative label",
      () => call(classes(0, -100)),
      "labels: expected 0 to 2, got -100 in row 1; set ignoreIndex to -100 if",
    ],
    [
      "one that is not the ignored one",
      () => call(classes(0, 5), { ignoreIndex: -100 }),
      "expected 0 to 2, got 5 in row 1",
    ],
    [
      "a smoothing above 1",
      () => call(classes(0, 1), { labelSmoothing: 1.5 }),
      "labelSmoothing: expected a number from 0 to 1, got 1.5",
    ],
    [
      "a smoothing of NaN",
      () => call(classes(0, 1), { labelSmoothing: Number.NaN }),
      "labelSmoothing: expected a number from 0 to 1, got NaN",
    ],
    [
      "a reduction that there is not",
      () => call(classes(0, 1), { reduction: "max" }),
      'reduction: expected "mean", "sum" or "none", got "max"',
    ],
    [
      "targets that there are not",
      () => call(classes(0, 1), { targets: "onehot" }),
      'targets: expected "labels" or "probabilities", got "onehot"',
    ],
    [
      "too few weights",
      () => call(classes(0, 1), {}, tf.tensor1d([1, 1])),
      "weights: expected a tensor float32 [3], got float32 [2]",
    ],
    [
      "a negative weight",
      () => call(classes(0, 1), {}, tf.tensor1d([1, -1, 1])),
      "weights: expected finite numbers of 0 or more, got -1 at 1",
    ],
    [
      "classes where probabilities are",
      () => call(classes(0, 1), { targets: "probabilities" }),
      "labels: expected a tensor float32 [2,3], got int32 [2]",
    ],
    [
      "a negative probability",
      () => call(tf.tensor2d([0.5, -0.5, 1, 1, 0, 0], [2, 3]), { targets: "probabilities" }),
      "finite numbers of 0 or more, got -0.5 at 1",
    ],
    [
      "an ignored label of probabilities",
      () => call(tf.ones([2, 3]), { targets: "probabilities", ignoreIndex: 0 }),
      "ignoreIndex: expected with labels that are indices only",
    ],
    [
      "logits that are no matrix",
      () => softmaxCrossEntropy("manual/fused")(tf.zeros([3]) as unknown as tf.Tensor2D, classes(0)),
      "logits: expected a tensor float32 [N, C], got float32 [3]",
    ],
    [
      "logits without rows",
      () => softmaxCrossEntropy("manual/fused")(tf.zeros([0, 3]), classes()),
      "rows: expected a positive integer, got 0",
    ],
  ])("%s", (_, refused, message) => {
    expect(refused).toThrow(message);
  });
});

describe("softmaxCrossEntropy where values are on a GPU", () => {
  beforeAll(async () => {
    tf.registerBackend("elsewhere", () => tf.findBackendFactory("cpu")() as tf.KernelBackend);
    tf.copyRegisteredKernels("cpu", "elsewhere");
    await tf.setBackend("elsewhere");
  });
  afterAll(async () => {
    await tf.setBackend("cpu");
  });

  const gradientOf = (loss: LossFunction<tf.Tensor>, labels: tf.Tensor, weights?: tf.Tensor1D) => {
    const logits = tf.tensor2d([1, 2, 3, 3, 1, 0, 0, 1, 2], [3, 3]);
    const { value, grad } = tf.valueAndGrad((x) => tf.sum(loss(x as tf.Tensor2D, labels, weights)))(logits);
    return {
      loss: value.dataSync()[0],
      rows: (grad.arraySync() as number[][]).map((row) => row.some(Number.isNaN)),
    };
  };

  it("makes a row NaN whose label is neither a class nor ignored", () => {
    const loss = softmaxCrossEntropy("manual/fused", { ignoreIndex: -100 });
    const bad = tf.tensor1d([0, 3, -100], "int32");
    expect(gradientOf(loss, bad)).toEqual({ loss: Number.NaN, rows: [false, true, false] });
    const { loss: fine, rows } = gradientOf(loss, tf.tensor1d([0, 1, -100], "int32"));
    expect([Number.isFinite(fine), ...rows]).toEqual([true, false, false, false]);
  });

  it("makes a row NaN whose probabilities are none, and everything for weights that are none", () => {
    const loss = softmaxCrossEntropy("manual/shifted", { targets: "probabilities" });
    const bad = tf.tensor2d([0.5, 0.5, 0, 1, -1, 1, 0, 0, 1], [3, 3]);
    expect(gradientOf(loss, bad)).toEqual({ loss: Number.NaN, rows: [false, true, false] });
    const weighted = softmaxCrossEntropy("manual/shifted");
    const some = gradientOf(weighted, tf.tensor1d([0, 1, 2], "int32"), tf.tensor1d([1, -1, 1]));
    expect(some).toEqual({ loss: Number.NaN, rows: [true, true, true] });
  });
});

it("takes an option that is undefined for one that was not given", () => {
  const logits = tf.tensor2d([[1, 2, 3]]);
  const labels = tf.tensor1d([2], "int32");
  const none = JSON.parse("{}") as { labelSmoothing: number; reduction: "sum" };
  const { labelSmoothing, reduction } = none;
  const loss = softmaxCrossEntropy("manual/shifted", { labelSmoothing, reduction })(logits, labels);
  expect(loss.dataSync()[0]).toBeCloseTo(Math.log(1 + Math.exp(-1) + Math.exp(-2)), 6);
});
