import {
  differentiate,
  evaluate,
  indices,
  input,
  logSoftmax,
  negativeLogLikelihoodLoss,
  softmaxCrossEntropyLoss,
  type Tensor,
  tensor,
  type Value,
} from "@softmax-bench/graph";
import { describe, expect, it } from "vitest";

type LossOptions = Parameters<typeof softmaxCrossEntropyLoss>[2];
type Loss = (logits: Value, labels: Value, options: LossOptions) => Value;

const LOSSES: [string, Loss][] = [
  [
    "SoftmaxCrossEntropyLoss",
    (logits, labels, options) => softmaxCrossEntropyLoss(logits, labels, options).loss,
  ],
  [
    "NegativeLogLikelihoodLoss of LogSoftmax",
    (logits, labels, options) => negativeLogLikelihoodLoss(logSoftmax(logits, 1), labels, options),
  ],
];

const logits = input("logits", "float64", [3, 4]);
const weights = input("weights", "float64", [4]);
const FEEDS = {
  logits: tensor("float64", [3, 4], [1, 2, 0, -1, 0, 0, 3, 1, 2, 2, 1, 0]),
  weights: tensor("float64", [4], [1, 2, 0.5, 3]),
};

function lossAndGradients(loss: Value, feeds: Record<string, Tensor> = FEEDS) {
  const [ofLogits, ofWeights] = differentiate(loss, [logits, weights]) as [Value, Value];
  const outputs = { loss, ofLogits, ofWeights };
  return evaluate({ name: "loss", inputs: [logits, weights], outputs }, feeds);
}

const numbersOf = (value: Tensor | undefined): number[] => Array.from(value?.data ?? [], Number);

describe.each(LOSSES)("%s", (_, lossOf) => {
  // With ℓ the rows' losses, y their labels and W = Σ w_y: Σ_{i: y_i = c} (ℓ_i − loss) / W for the mean. NumPy 2.
  it("has a gradient with respect to class weights", () => {
    const { ofWeights } = lossAndGradients(lossOf(logits, indices([3], [0, 3, 1]), { weights }));
    const expected = [-0.03519988800241517, -0.12230220516441481, 0, 0.09326809944374821];
    for (const [index, value] of numbersOf(ofWeights).entries()) {
      expect(value).toBeCloseTo(expected[index] as number, 14);
    }
  });

  it("gives an ignored row no gradient, whatever its logits are", () => {
    const masked = Number.NEGATIVE_INFINITY;
    const feeds = {
      ...FEEDS,
      logits: tensor("float64", [3, 4], [1, 2, 0, -1, masked, 0, 3, 1, 2, 2, 1, 0]),
    };
    const options = { weights, ignoreIndex: -100 };
    const { loss, ofLogits } = lossAndGradients(lossOf(logits, indices([3], [0, -100, 1]), options), feeds);
    const twoRows = 1 * 1.4401896985611953 + 2 * 0.9175757955891974;
    expect(Number(loss?.data[0])).toBeCloseTo(twoRows / 3, 12);
    expect(numbersOf(ofLogits).slice(4, 8).map(Math.abs)).toEqual([0, 0, 0, 0]);
    expect(numbersOf(ofLogits).every(Number.isFinite)).toBe(true);
  });

  it("has a gradient of NaN where the weights of the labels sum to 0, as in PyTorch, and of 0 in ignored rows", () => {
    const feeds = { ...FEEDS, weights: tensor("float64", [4], [0, 2, 0.5, 3]) };
    const options = { weights, ignoreIndex: -100 };
    const { loss, ofLogits } = lossAndGradients(lossOf(logits, indices([3], [0, -100, 0]), options), feeds);
    expect(Number(loss?.data[0])).toBeNaN();
    const [first, second, third] = [0, 4, 8].map((start) => numbersOf(ofLogits).slice(start, start + 4));
    expect([first, third].flat()).toEqual(new Array(8).fill(Number.NaN));
    expect(second?.map(Math.abs)).toEqual([0, 0, 0, 0]);
  });

  it.each([
    ["mean", Number.NaN],
    ["sum", 0],
  ] as const)("of ignored rows alone has the %s %d, and gradients of 0", (reduction, expected) => {
    const options = { weights, ignoreIndex: -100, reduction };
    const { loss, ofLogits, ofWeights } = lossAndGradients(
      lossOf(logits, indices([3], [-100, -100, -100]), options),
    );
    expect(Number(loss?.data[0])).toBe(expected);
    expect(numbersOf(ofLogits).map(Math.abs)).toEqual(new Array(12).fill(0));
    expect(numbersOf(ofWeights).map(Math.abs)).toEqual(new Array(4).fill(0));
  });
});
