import type { FloatArray } from "./float-array.js";

export type Reduction = "mean" | "sum" | "none";

/**
 * One softmax cross-entropy, as PyTorch's `cross_entropy` and ONNX's `SoftmaxCrossEntropyLoss` define it; every number in
 * it is taken as an exact real number. Arrays are row-major.
 */
export interface Problem {
  readonly rows: number;
  readonly classes: number;
  /** `[N, C]`. */
  readonly logits: FloatArray;
  /** Class indices `[N]`, or probabilities `[N, C]`, none of them negative. */
  readonly labels: Int32Array | FloatArray;
  /** Class weights `[C]`, none of them negative; 1 by default. */
  readonly weights?: FloatArray | undefined;
  /** Rows with this label have no loss and no gradient; any integer. */
  readonly ignoreIndex?: number | undefined;
  /** In [0, 1]; 0 by default. */
  readonly labelSmoothing?: number | undefined;
  /** "mean" by default. */
  readonly reduction?: Reduction | undefined;
  /** For reduction "none": gradient of a later quantity with respect to each row's loss, `[N]`; ones by default. */
  readonly upstream?: FloatArray | undefined;
}

/** @throws RangeError in one line, if the parts of a problem do not fit each other. */
export function requireValid(problem: Problem): void {
  const { rows, classes, logits, labels, weights, ignoreIndex, labelSmoothing = 0, upstream } = problem;
  for (const [name, size] of Object.entries({ rows, classes })) {
    if (!Number.isInteger(size) || size < 1) {
      throw new RangeError(`Expected ${name} to be a positive integer, got ${size}.`);
    }
  }
  if (logits.length !== rows * classes) {
    throw new RangeError(`Expected ${rows} x ${classes} = ${rows * classes} logits, got ${logits.length}.`);
  }
  if (labels instanceof Int32Array) requireClasses(labels, rows, classes, ignoreIndex);
  else requireProbabilities(labels, rows, classes, ignoreIndex);
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new RangeError(`Expected a label smoothing between 0 and 1, got ${labelSmoothing}.`);
  }
  if (weights) requireNonNegative("weights", weights, classes);
  if (upstream && problem.reduction !== "none") {
    throw new RangeError(`An upstream gradient per row is for reduction "none" only.`);
  }
  if (upstream && upstream.length !== rows) {
    throw new RangeError(`Expected an upstream gradient for each of ${rows} rows, got ${upstream.length}.`);
  }
}

function requireClasses(
  labels: Int32Array,
  rows: number,
  classes: number,
  ignoreIndex: number | undefined,
): void {
  if (labels.length !== rows) {
    throw new RangeError(`Expected one label for each of ${rows} rows, got ${labels.length}.`);
  }
  const row = labels.findIndex((label) => (label < 0 || label >= classes) && label !== ignoreIndex);
  if (row >= 0) {
    throw new RangeError(
      `Label ${labels[row]} of row ${row} is not a class: expected 0 <= label < ${classes}.`,
    );
  }
}

function requireProbabilities(
  labels: FloatArray,
  rows: number,
  classes: number,
  ignoreIndex: number | undefined,
): void {
  if (ignoreIndex !== undefined) throw new RangeError("An ignored label needs labels that are indices.");
  requireNonNegative("probabilities", labels, rows * classes);
}

function requireNonNegative(name: string, values: FloatArray, length: number): void {
  if (values.length !== length) throw new RangeError(`Expected ${length} ${name}, got ${values.length}.`);
  const index = values.findIndex((value) => !(value >= 0 && value < Number.POSITIVE_INFINITY));
  if (index >= 0) throw new RangeError(`Expected ${name} of 0 or more, got ${values[index]} at ${index}.`);
}
