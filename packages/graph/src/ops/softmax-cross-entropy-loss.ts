import { GraphError } from "../error.js";
import type { Attributes, Value } from "../graph.js";
import type { Body, OpDefinition } from "../op.js";
import { FLOATS, read, sizeOf, type Tensor, type TensorType, tensor } from "../tensor.js";
import {
  add,
  div,
  equal,
  exp,
  gatherElements,
  labelWeights,
  logSoftmax,
  mul,
  neg,
  negativeLogLikelihoodLoss,
  readableLabels,
  reduceMean,
  reduceSum,
  reshape,
  scalar,
  sub,
  where,
} from "../vocabulary/index.js";
import { composite } from "./composite.js";
import { LogSoftmax } from "./softmax.js";
import { optionalNumberAttribute, positionIn, stringAttribute } from "./support.js";

/**
 * ONNX `SoftmaxCrossEntropyLoss`: scores `[N, C]`, labels `[N]` and, optionally, class weights `[C]` → the loss (a
 * scalar; `[N]` for reduction "none") and the log-probabilities `[N, C]`. Attribute `ignore_index`, if given: rows with
 * that label, which may lie outside `[0, C)`, have no loss. The weighted mean divides by the sum of the weights of the
 * labels that count.
 *
 * The gradient with respect to the scores is the one that every framework writes by hand for this operator, from its
 * own second output. The gradient with respect to the weights is that of `NegativeLogLikelihoodLoss`.
 */
export const SoftmaxCrossEntropyLoss: OpDefinition = {
  name: "SoftmaxCrossEntropyLoss",
  dtypes: FLOATS,
  infer: (inputs, attributes) => {
    const [scores] = inputs;
    return [inferLoss(inputs, attributes), ...(scores ? [scores] : [])];
  },
  evaluate: ([scores, labels, weights], attributes, [type]) => {
    if (!scores || !labels || !type) return [];
    const [logProb] = LogSoftmax.evaluate([scores], { axis: 1 }, [scores]);
    if (!logProb) return [];
    const ignoreIndex = optionalNumberAttribute(attributes, "ignore_index");
    const [losses, counted] = rowLosses(logProb, labels, weights, ignoreIndex);
    return [reduceLosses(losses, counted, attributes.reduction, type), logProb];
  },
  gradient: ({ inputs, outputs, attributes, upstream: [ofLoss, ofLogProb] }) => {
    const [scores, labels, weights] = inputs;
    const [loss, logProb] = outputs;
    if (!scores || !labels || !loss || !logProb) return [];
    const throughLoss = ofLoss && scoresGradient(ofLoss, logProb, inputs, attributes);
    const [throughLogProb] =
      LogSoftmax.gradient?.({
        inputs: [scores],
        outputs: [logProb],
        attributes: { axis: 1 },
        upstream: [ofLogProb],
      }) ?? [];
    const ofScores =
      throughLoss && throughLogProb ? add(throughLoss, throughLogProb) : (throughLoss ?? throughLogProb);
    if (!weights) return [ofScores, undefined];
    const [, , ofWeights] =
      NegativeLogLikelihoodLoss.gradient?.({
        inputs: [logProb, labels, weights],
        outputs: [loss],
        attributes,
        upstream: [ofLoss],
      }) ?? [];
    return [ofScores, undefined, ofWeights];
  },
  body: ([scores, labels, weights], attributes) => {
    if (!scores || !labels) return [];
    const logProb = logSoftmax(scores, 1);
    const options = { weights, ignoreIndex: optionalNumberAttribute(attributes, "ignore_index") };
    const reduction = stringAttribute(attributes, "reduction") as Reduction;
    return [negativeLogLikelihoodLoss(logProb, labels, { reduction, ...options }), logProb];
  },
};

type Reduction = "mean" | "sum" | "none";

/** (exp(logProb) − onehot), each row times its weight and its share of the reduction; 0 for ignored rows, always. */
function scoresGradient(
  ofLoss: Value,
  logProb: Value,
  [, labels, weights]: readonly Value[],
  attributes: Attributes,
): Value | undefined {
  if (!labels) return undefined;
  const ignoreIndex = optionalNumberAttribute(attributes, "ignore_index");
  const [rows = 1, classes = 1] = logProb.shape;
  const { dtype } = logProb;
  const targets = labelWeights(labels, classes, dtype, { weights, ignoreIndex });
  const plain = !weights && ignoreIndex === undefined;
  const rowWeight = plain ? undefined : reduceSum(targets, { axes: [1], keepdims: true });
  const p = exp(logProb);
  const difference = sub(rowWeight ? mul(p, rowWeight) : p, targets);
  const share =
    attributes.reduction === "none"
      ? reshape(ofLoss, [rows, 1])
      : attributes.reduction === "mean"
        ? div(ofLoss, rowWeight ? buildDivisor(rowWeight) : scalar(rows, dtype))
        : ofLoss;
  const gradient = mul(difference, share);
  const ignored = isIgnored(reshape(labels, [rows, 1]), ignoreIndex);
  return ignored ? where(ignored, scalar(0, dtype), gradient) : gradient;
}

function inferLoss(
  [scores, labels, weights, ...others]: readonly TensorType[],
  attributes: Attributes,
): TensorType {
  if (!scores || !labels || others.length > 0) throw new GraphError("takes 2 or 3 inputs");
  const [rows = 0, classes = 0] = scores.shape;
  if (scores.shape.length !== 2 || labels.shape.length !== 1 || labels.shape[0] !== rows) {
    throw new GraphError("takes scores [N, C] and labels [N]");
  }
  if (weights && (weights.dtype !== scores.dtype || sizeOf(weights.shape) !== classes)) {
    throw new GraphError(`takes weights ${scores.dtype}[${classes}]`);
  }
  const reduction = stringAttribute(attributes, "reduction");
  if (!["mean", "sum", "none"].includes(reduction)) {
    throw new GraphError(`reduction must be "mean", "sum" or "none", got "${reduction}"`);
  }
  return { dtype: scores.dtype, shape: reduction === "none" ? [rows] : [] };
}

const lossOfRows: Body = ([logProb, labels, weights], attributes) => {
  if (!logProb || !labels) return [];
  const ignoreIndex = optionalNumberAttribute(attributes, "ignore_index");
  const column = reshape(readableLabels(labels, ignoreIndex), [...labels.shape, 1]);
  const losses = reshape(neg(gatherElements(logProb, column, 1)), labels.shape);
  const { reduction } = attributes;
  if (!weights && ignoreIndex === undefined) {
    if (reduction === "none") return [losses];
    return [reduction === "mean" ? reduceMean(losses) : reduceSum(losses)];
  }
  const [, classes = 1] = logProb.shape;
  const counted = reduceSum(labelWeights(labels, classes, logProb.dtype, { weights, ignoreIndex }), {
    axes: [1],
  });
  const ignored = isIgnored(labels, ignoreIndex);
  const product = mul(losses, counted);
  const weighted = ignored ? where(ignored, scalar(0, product.dtype), product) : product;
  if (reduction === "none") return [weighted];
  const sum = reduceSum(weighted);
  return [reduction === "mean" ? div(sum, buildDivisor(counted)) : sum];
};

const isIgnored = (labels: Value, ignoreIndex: number | undefined): Value | undefined =>
  ignoreIndex === undefined ? undefined : equal(labels, scalar(ignoreIndex, labels.dtype));

/**
 * The divisor of the mean. If it is 0, the mean and the gradients of rows that are not ignored are NaN, as in PyTorch;
 * the gradients of ignored rows are 0.
 */
function buildDivisor(counted: Value): Value {
  const total = reduceSum(counted);
  return where(equal(total, scalar(0, total.dtype)), scalar(Number.NaN, total.dtype), total);
}

/**
 * ONNX `NegativeLogLikelihoodLoss`: the part of `SoftmaxCrossEntropyLoss` after the log-probabilities `[N, C]`, with
 * the same labels, weights and attributes.
 */
export const NegativeLogLikelihoodLoss = composite(
  "NegativeLogLikelihoodLoss",
  (inputs, attributes) => [inferLoss(inputs, attributes)],
  lossOfRows,
);

/**
 * The loss and the weight of each row: its label's weight, or 1; both are 0 if it is ignored.
 * @throws UndefinedResult for a label that is neither a class nor ignored
 */
function rowLosses(
  logProb: Tensor,
  labels: Tensor,
  weights: Tensor | undefined,
  ignoreIndex: number | undefined,
): [losses: number[], counted: number[]] {
  const [, classes = 1] = logProb.shape;
  const [losses, counted]: [number[], number[]] = [[], []];
  for (let row = 0; row < sizeOf(labels.shape); row++) {
    const label = read(labels.data, row);
    const isIgnored = label === ignoreIndex;
    const at = isIgnored ? 0 : positionIn(classes, label);
    const weight = weights ? read(weights.data, at) : 1;
    losses.push(isIgnored ? 0 : -weight * read(logProb.data, row * classes + at));
    counted.push(isIgnored ? 0 : weight);
  }
  return [losses, counted];
}

function reduceLosses(
  losses: readonly number[],
  counted: readonly number[],
  reduction: unknown,
  { dtype, shape }: TensorType,
): Tensor {
  if (reduction === "none") return tensor(dtype, shape, losses);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return tensor(dtype, shape, [reduction === "mean" ? sum(losses) / sum(counted) : sum(losses)]);
}
