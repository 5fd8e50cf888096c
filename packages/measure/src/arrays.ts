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
  /** Computes the digest of an array; absent where passing the array on is as cheap. */
  readonly digest?: ((array: Values) => Promise<string>) | undefined;
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

/** Number of bytes of all arrays together. */
export const sizeOf = (arrays: readonly Values[]): number =>
  arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);

/** Copies some bytes of arrays that follow one another; undefined if there are fewer. */
export function copyBytes(arrays: readonly Values[], from: number, bytes: number): Uint8Array | undefined {
  if (from + bytes > sizeOf(arrays)) return undefined;
  const part = new Uint8Array(bytes);
  let start = 0;
  for (const { buffer, byteOffset, byteLength } of arrays) {
    const [first, end] = [Math.max(from, start), Math.min(from + bytes, start + byteLength)];
    if (first < end) {
      part.set(new Uint8Array(buffer, byteOffset + first - start, end - first), first - from);
    }
    start += byteLength;
  }
  return part;
}

/** Fills arrays that follow one another. @param bytes as many as they have together */
export function fillArrays(arrays: readonly Values[], bytes: Uint8Array): void {
  let start = 0;
  for (const { buffer, byteOffset, byteLength } of arrays) {
    new Uint8Array(buffer, byteOffset, byteLength).set(bytes.subarray(start, start + byteLength));
    start += byteLength;
  }
}

/** Fills arrays with the results of a task. @throws Error if there are more or fewer bytes than expected */
export function fillWithResults(arrays: readonly Values[], results: Uint8Array | undefined): void {
  const expected = sizeOf(arrays);
  if (results?.length !== expected) {
    throw new Error(`expected results of ${expected} bytes, the page sent ${results?.length ?? 0}`);
  }
  fillArrays(arrays, results);
}
