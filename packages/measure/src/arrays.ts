import { type FloatArray, floatArray, type GradientTask, type Inputs } from "@softmax-bench/core";

/** The order in which the arrays of tasks are exchanged, for both ends. */

export type Values = FloatArray | Int32Array;

/** Arrays that a request needs. Successive requests often need the same ones. */
export interface NamedArrays {
  /** Equal ids mean equal arrays. */
  readonly id: string;
  /** Makes them, if the host does not hold them. */
  readonly make: () => readonly Values[];
}

/**
 * The other end's arrays, as a worker sees them. A set is the arrays that are read at once. The sets follow one
 * another.
 */
export interface WorkerArrays {
  /** Fills arrays with one of the sets of inputs. @throws Error if there are fewer */
  readInputs(set: number, into: readonly Values[]): void | Promise<void>;
  /** Passes on results, which replace the previous ones. @throws NoRoomError if there is no room for them */
  writeResults(arrays: readonly Values[]): void | Promise<void>;
}

/** The place where arrays are exchanged is full. */
export class NoRoomError extends Error {
  override readonly name = "NoRoomError";
}

/** Arrays for the inputs of a task, filled with zeros. */
export function allocateInputs({ dtype, rows, classes, loss }: GradientTask): Inputs {
  const floats = (length: number) => floatArray(dtype, length);
  return {
    logits: floats(rows * classes),
    labels: loss?.targets === "probabilities" ? floats(rows * classes) : new Int32Array(rows),
    ...(loss?.weighted ? { weights: floats(classes) } : {}),
    ...(loss?.reduction === "none" ? { upstream: floats(rows) } : {}),
  };
}

/** The inputs of a task, in the order in which they are exchanged. */
export const inputArrays = ({ logits, labels, weights, upstream }: Inputs): Values[] => [
  logits,
  labels,
  ...(weights ? [weights] : []),
  ...(upstream ? [upstream] : []),
];

/** Number of values in the loss of a task. */
export const lossLength = ({ rows, loss }: Pick<GradientTask, "rows" | "loss">): number =>
  loss?.reduction === "none" ? rows : 1;
