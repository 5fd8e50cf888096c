import {
  div,
  exp,
  oneHot,
  reduceMax,
  reduceSum,
  reshape,
  scalar,
  sub,
  type Value,
} from "@softmax-bench/graph";
import type { LossInputs } from "./formulation.js";

/** Terms that several formulations share. All reduce over classes and keep that axis. */

export const rowSum = (x: Value): Value => reduceSum(x, { axes: [1], keepdims: true });
export const rowMax = (x: Value): Value => reduceMax(x, { axes: [1], keepdims: true });

const [rowAxis, classAxis] = [0, 1];
export const rowsOf = ({ shape }: Value): number => shape[rowAxis] as number;
const classesOf = ({ shape }: Value): number => shape[classAxis] as number;

/** The labels as rows of zeros with a one, `[N, C]`, in the dtype of the logits. */
export const targets = ({ logits, labels }: LossInputs): Value =>
  oneHot(labels, classesOf(logits), logits.dtype);

/** The labels as class indices `[N, 1]`. */
export const labelColumn = ({ labels }: LossInputs): Value => reshape(labels, [...labels.shape, 1]);

/** exp(z) / Σ exp(z), and the sum. */
export function normalizedExponentials(z: Value): { p: Value; sum: Value } {
  const exponentials = exp(z);
  const sum = rowSum(exponentials);
  return { p: div(exponentials, sum), sum };
}

/** (p − t) / N: the gradient of the mean loss, from probabilities. */
export function meanGradient(p: Value, t: Value): Value {
  return div(sub(p, t), scalar(rowsOf(p), p.dtype));
}
