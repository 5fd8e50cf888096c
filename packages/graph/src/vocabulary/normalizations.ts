import type { Value } from "../graph.js";
import { apply, applyAll } from "../op.js";
import { stored } from "./numbers.js";

/** A scale and an offset per channel, and the running mean and variance: all `[C]`. */
export interface BatchStatistics {
  readonly scale: Value;
  readonly offset: Value;
  readonly mean: Value;
  readonly variance: Value;
}

/** x `[N, C, …]` normalised by the running statistics of each channel. */
export const batchNormalization = (
  x: Value,
  { scale, offset, mean, variance }: BatchStatistics,
  epsilon = 1e-5,
): Value =>
  apply("BatchNormalization", [x, scale, offset, mean, variance], {
    epsilon: stored(epsilon),
    momentum: stored(0.9),
    training_mode: 0,
  });

/** x normalised by the statistics of the batch itself, and the running ones, which keep a share of `momentum`. */
export function batchNormalizationInTraining(
  x: Value,
  { scale, offset, mean, variance }: BatchStatistics,
  { epsilon = 1e-5, momentum = 0.9 } = {},
): { y: Value; mean: Value; variance: Value } {
  const outputs = applyAll("BatchNormalization", [x, scale, offset, mean, variance], {
    epsilon: stored(epsilon),
    momentum: stored(momentum),
    training_mode: 1,
  });
  const [y, movedMean, movedVariance] = outputs as readonly [Value, Value, Value];
  return { y, mean: movedMean, variance: movedVariance };
}

/** Each slice of x from an axis on normalised by its own mean and variance; scale and offset have its shape. */
export const layerNormalization = (
  x: Value,
  scale: Value,
  offset: Value | undefined,
  { axis = x.shape.length - 1, epsilon = 1e-5 } = {},
): Value =>
  apply("LayerNormalization", [x, scale, ...(offset ? [offset] : [])], { axis, epsilon: stored(epsilon) });

export const softmax = (x: Value, axis: number): Value => apply("Softmax", [x], { axis });
export const logSoftmax = (x: Value, axis: number): Value => apply("LogSoftmax", [x], { axis });
