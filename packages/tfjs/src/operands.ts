import type { LossOptions } from "@softmax-bench/core";
import { requireLabels, requireProbabilities, requireShape, requireWeights } from "@softmax-bench/numerics";
import * as tf from "@tensorflow/tfjs-core";
import { type Feeds, readsSynchronously } from "./gradient.js";

/** The arguments of a user's loss. */
export interface Operands {
  readonly logits: tf.Tensor2D;
  readonly labels: tf.Tensor;
  readonly weights: tf.Tensor1D | undefined;
}

/**
 * Rejects operands that do not match each other, and invalid values if they can be read.
 *
 * @returns the operands to feed, with logits that replace the given ones
 * @throws TypeError for another dtype or shape, RangeError for values
 */
export function prepareFeeds(operands: Operands, options: LossOptions): (logits: tf.Tensor2D) => Feeds {
  const { labels, weights } = operands;
  requireTypes(operands, options);
  const isChecked = readsSynchronously();
  if (isChecked) requireValues(operands, options);
  return (logits) => ({
    logits: isChecked ? logits : withImproperRows(logits, operands, options),
    labels,
    ...(weights ? { weights: isChecked ? weights : withImproperWeights(weights) } : {}),
  });
}

function requireTypes({ logits, labels, weights }: Operands, { targets }: LossOptions): void {
  requireType("logits", logits, "float32", "[N, C]", (shape) => shape.length === 2);
  const [rows, classes] = logits.shape;
  requireShape(rows, classes);
  const shape = (...wanted: readonly number[]) =>
    [`[${wanted}]`, (s: readonly number[]) => `${s}` === `${wanted}`] as const;
  if (targets === "labels") requireType("labels", labels, "int32", ...shape(rows));
  else requireType("labels", labels, "float32", ...shape(rows, classes));
  if (weights !== undefined) requireType("weights", weights, "float32", ...shape(classes));
}

function requireType(
  name: string,
  given: unknown,
  dtype: tf.DataType,
  wanted: string,
  fits: (shape: readonly number[]) => boolean,
): void {
  const expected = `${name}: expected a tensor ${dtype} ${wanted}`;
  if (!(given instanceof tf.Tensor)) throw new TypeError(`${expected}, got ${typeof given}`);
  if (given.dtype !== dtype || !fits(given.shape)) {
    throw new TypeError(`${expected}, got ${given.dtype} [${given.shape}]`);
  }
}

function requireValues({ logits, labels, weights }: Operands, { targets, ignoreIndex }: LossOptions): void {
  const [rows, classes] = logits.shape;
  if (targets === "labels") requireLabels(labels.dataSync<"int32">(), rows, classes, ignoreIndex);
  else requireProbabilities(labels.dataSync<"float32">(), rows, classes);
  requireWeights(weights?.dataSync<"float32">(), classes);
}

/** Puts NaN in every row whose label is not a class, or whose probabilities are invalid. */
function withImproperRows(
  logits: tf.Tensor2D,
  { labels }: Operands,
  { targets, ignoreIndex }: LossOptions,
): tf.Tensor {
  return tf.tidy(() => {
    if (targets === "probabilities") return tf.where(tf.all(isProper(labels), 1, true), logits, Number.NaN);
    const isClass = tf.logicalAnd(tf.greaterEqual(labels, 0), tf.less(labels, logits.shape[1]));
    const isKnown =
      ignoreIndex === undefined ? isClass : tf.logicalOr(isClass, tf.equal(labels, ignoreIndex));
    return tf.where(tf.expandDims(isKnown, 1), logits, Number.NaN);
  });
}

const withImproperWeights = (weights: tf.Tensor1D): tf.Tensor =>
  tf.tidy(() => tf.where(tf.all(isProper(weights)), weights, Number.NaN));

/** Returns whether each element is finite and 0 or more. */
const isProper = (x: tf.Tensor): tf.Tensor =>
  tf.logicalAnd(tf.greaterEqual(x, 0), tf.less(x, Number.POSITIVE_INFINITY));
