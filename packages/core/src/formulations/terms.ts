import { div, equal, exp, reduceMax, reduceSum, reshape, scalar, type Value } from "@softmax-bench/graph";
import type { LossInputs } from "./formulation.js";

/** Terms that several formulations share. All reduce over classes and keep that axis. */

export const rowSum = (x: Value): Value => reduceSum(x, { axes: [1], keepdims: true });
export const rowMax = (x: Value): Value => reduceMax(x, { axes: [1], keepdims: true });

const [rowAxis, classAxis] = [0, 1];
export const rowsOf = ({ shape }: Value): number => shape[rowAxis] as number;
export const classesOf = ({ shape }: Value): number => shape[classAxis] as number;

/** exp(z) / Σ exp(z), and the sum. */
export function normalizedExponentials(z: Value): { p: Value; sum: Value } {
  const exponentials = exp(z);
  const sum = rowSum(exponentials);
  return { p: div(exponentials, sum), sum };
}

/** Returns whether each row has the ignored label, bool `[N, 1]`; undefined if no label is ignored. */
export function isIgnored({ labels, options }: Pick<LossInputs, "labels" | "options">): Value | undefined {
  if (options.ignoreIndex === undefined) return undefined;
  const column = reshape(labels, [rowsOf(labels), 1]);
  return equal(column, scalar(options.ignoreIndex, labels.dtype));
}
