import { div, exp, reduceMax, reduceSum, type Value } from "@softmax-bench/graph";

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
