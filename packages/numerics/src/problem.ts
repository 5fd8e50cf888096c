import type { FloatArray } from "./float-array.js";

export type Reduction = "mean" | "sum" | "none";

const REDUCTIONS: readonly unknown[] = ["mean", "sum", "none"] satisfies readonly Reduction[];
const TARGETS: readonly unknown[] = ["labels", "probabilities"];

/** The reduction of rows to a loss. */
export interface ProblemOptions {
  /** The reduction; "mean" by default. */
  readonly reduction?: Reduction | undefined;
  /** Rows with this label have no loss and no gradient; any 32-bit integer. */
  readonly ignoreIndex?: number | undefined;
  /** The smoothing ε in [0, 1]; 0 by default. */
  readonly labelSmoothing?: number | undefined;
}

/**
 * One softmax cross-entropy, as PyTorch's `cross_entropy` and ONNX's `SoftmaxCrossEntropyLoss` define it; all its
 * numbers count as exact real numbers. Arrays are row-major.
 */
export interface Problem extends ProblemOptions {
  readonly rows: number;
  readonly classes: number;
  /** `[N, C]`. */
  readonly logits: FloatArray;
  /** Class indices `[N]`, or probabilities `[N, C]`, none of them negative. */
  readonly labels: Int32Array | FloatArray;
  /** Class weights `[C]`, none of them negative; 1 by default. */
  readonly weights?: FloatArray | undefined;
  /** For reduction "none": gradient of a later quantity with respect to each row's loss, `[N]`; ones by default. */
  readonly upstream?: FloatArray | undefined;
}

/**
 * Rejects a problem with inconsistent parts, in one line. Logits and the upstream gradient may have any value:
 * non-finite ones propagate to the result.
 *
 * @throws RangeError for values, sizes and options; TypeError for arrays of another type
 */
export function requireValid(problem: Problem): void {
  const { rows, classes, logits, labels, weights, upstream, ignoreIndex } = problem;
  const indices = labels instanceof Int32Array;
  requireOptions({ ...problem, targets: indices ? "labels" : "probabilities" });
  requireShape(rows, classes);
  requireFloats("logits", logits, rows * classes, `${rows} × ${classes}`);
  if (indices) requireLabels(labels, rows, classes, ignoreIndex);
  else requireProbabilities(labels, rows, classes);
  requireWeights(weights, classes);
  requireUpstream(upstream, rows, problem.reduction);
}

/** @throws RangeError in one line, for an invalid option, or one that does not apply to these targets. */
export function requireOptions({
  reduction = "mean",
  targets,
  ignoreIndex,
  labelSmoothing = 0,
}: ProblemOptions & { readonly targets: "labels" | "probabilities" }): void {
  if (!REDUCTIONS.includes(reduction)) {
    throw new RangeError(`reduction: expected "mean", "sum" or "none", got ${JSON.stringify(reduction)}`);
  }
  if (!TARGETS.includes(targets)) {
    throw new RangeError(`targets: expected "labels" or "probabilities", got ${JSON.stringify(targets)}`);
  }
  if (typeof labelSmoothing !== "number" || !(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new RangeError(`labelSmoothing: expected a number from 0 to 1, got ${String(labelSmoothing)}`);
  }
  if (ignoreIndex === undefined) return;
  if (ignoreIndex !== (ignoreIndex | 0)) {
    throw new RangeError(`ignoreIndex: expected an integer of 32 bits, got ${String(ignoreIndex)}`);
  }
  if (targets === "probabilities") {
    throw new RangeError(
      "ignoreIndex: expected with labels that are indices only, got it with probabilities",
    );
  }
}

/** @throws RangeError in one line, unless both are positive integers. */
export function requireShape(rows: number, classes: number): void {
  for (const [name, size] of Object.entries({ rows, classes })) {
    if (!Number.isSafeInteger(size) || size < 1) {
      throw new RangeError(`${name}: expected a positive integer, got ${size}`);
    }
  }
}

/** @throws RangeError in one line, unless each row's label is a class or the ignored one. */
export function requireLabels(
  labels: Int32Array,
  rows: number,
  classes: number,
  ignoreIndex?: number | undefined,
): void {
  if (labels.length !== rows) {
    throw new RangeError(`labels: expected ${rows}, one for each row, got ${labels.length}`);
  }
  for (let row = 0; row < rows; row++) {
    const label = labels[row] as number;
    if ((label < 0 || label >= classes) && label !== ignoreIndex) {
      const hint = `set ignoreIndex to ${label} if such rows are to be ignored`;
      throw new RangeError(`labels: expected 0 to ${classes - 1}, got ${label} in row ${row}; ${hint}`);
    }
  }
}

/** @throws RangeError or TypeError in one line, unless they are finite numbers of 0 or more, `[N, C]`. */
export const requireProbabilities = (probabilities: FloatArray, rows: number, classes: number): void =>
  requireNonNegative("labels (probabilities; an Int32Array for classes)", probabilities, rows * classes);

/** @throws RangeError or TypeError in one line, unless absent or finite numbers of 0 or more, `[C]`. */
export function requireWeights(weights: FloatArray | undefined, classes: number): void {
  if (weights !== undefined) requireNonNegative("weights", weights, classes);
}

/** @throws RangeError or TypeError in one line, unless absent or `[N]` with reduction "none". */
export function requireUpstream(
  upstream: FloatArray | undefined,
  rows: number,
  reduction: Reduction = "mean",
): void {
  if (upstream === undefined) return;
  if (reduction !== "none") {
    throw new RangeError(`upstream: expected with reduction "none" only, got it with "${reduction}"`);
  }
  requireFloats("upstream", upstream, rows, "one for each row");
}

function requireNonNegative(name: string, values: FloatArray, length: number): void {
  requireFloats(name, values, length);
  for (let index = 0; index < length; index++) {
    const value = values[index] as number;
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) {
      throw new RangeError(`${name}: expected finite numbers of 0 or more, got ${value} at ${index}`);
    }
  }
}

function requireFloats(name: string, values: FloatArray, length: number, meaning = ""): void {
  if (!(values instanceof Float32Array || values instanceof Float64Array)) {
    throw new TypeError(`${name}: expected a Float32Array or a Float64Array, got ${kindOf(values)}`);
  }
  if (values.length !== length) {
    const expected = [length, "entries", meaning && `(${meaning})`].filter(Boolean).join(" ");
    throw new RangeError(`${name}: expected ${expected}, got ${values.length}`);
  }
}

/** The kind of any value, for messages. */
const kindOf = (value: unknown): string => (value as object | undefined)?.constructor?.name ?? String(value);
