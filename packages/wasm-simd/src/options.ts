import { requireLabels, requireOptions, requireUpstream, requireWeights } from "@softmax-bench/numerics";

export type FloatDType = "float32" | "float64";
export type FloatArray = Float32Array | Float64Array;
export const ARRAYS = { float32: Float32Array, float64: Float64Array, int32: Int32Array } as const;

export interface LossOptions {
  /**
   * The reduction of the rows' losses: their mean (of labels: over the sum of the weights of the rows that count),
   * their sum, or, for "none", a loss per row, whose gradient is that of Σ upstream · losses. Default "mean".
   */
  readonly reduction?: "mean" | "sum" | "none" | undefined;
  /** Class weights `[C]`. */
  readonly weights?: FloatArray | undefined;
  /** For reduction "none": gradient of a later quantity with respect to each row's loss, `[N]`. Default: all 1. */
  readonly upstream?: FloatArray | undefined;
  /** Rows with this label have no loss and no gradient; it may lie outside [0, C). */
  readonly ignoreIndex?: number | undefined;
  /** ε in [0, 1]: targets become t (1 − ε) + ε/C. Default 0. */
  readonly labelSmoothing?: number | undefined;
  /** The number of classes C, for probabilities as labels, which do not determine it. */
  readonly classes?: number | undefined;
  /**
   * True to compute the label's entry as minus the sum of the others, which does not cancel unless smoothing gives
   * those more than the label; false: as p Σq − q. Default true.
   */
  readonly exactTarget?: boolean | undefined;
}

export interface GradientOptions extends LossOptions {
  /** The array for the gradient, `[N, C]`; default: a new array. In the kernel's memory, it is not copied. */
  readonly out?: FloatArray | undefined;
}

/** The checked problem to compute. */
export interface Problem {
  readonly dtype: FloatDType;
  readonly rows: number;
  readonly classes: number;
  readonly reduction: "mean" | "sum" | "none";
  readonly weights: FloatArray | undefined;
  readonly upstream: FloatArray | undefined;
  readonly ignoreIndex: number | undefined;
  readonly labelSmoothing: number;
  readonly exactTarget: boolean;
  /** The divisor of the mean: NaN if nothing counts, since q/0 would be infinite for smoothed labels. */
  readonly divisor: number;
}

/** @throws RangeError, or TypeError for arrays of the wrong type, with the expected value. */
export function toProblem(
  logits: FloatArray,
  labels: Int32Array | FloatArray,
  options: GradientOptions,
): Problem {
  const {
    reduction = "mean",
    weights,
    upstream,
    ignoreIndex,
    labelSmoothing = 0,
    exactTarget = true,
  } = options;
  const dtype = dtypeOf("logits", logits);
  const indices = labels instanceof Int32Array;
  requireOptions({ ...options, targets: indices ? "labels" : "probabilities" });
  const { rows, classes } = inferShape(logits, labels, options.classes);
  checkFloats("weights", weights, dtype, classes);
  checkFloats("upstream", upstream, dtype, rows);
  checkFloats("out", options.out, dtype, rows * classes);
  requireWeights(weights, classes);
  requireUpstream(upstream, rows, reduction);
  if (indices) requireLabels(labels, rows, classes, ignoreIndex);
  else checkFloats("labels", labels, dtype, rows * classes);
  const divisor = (indices ? totalWeight(labels, weights, ignoreIndex) : rows) || Number.NaN;
  return {
    dtype,
    rows,
    classes,
    reduction,
    weights,
    upstream,
    ignoreIndex,
    labelSmoothing,
    exactTarget,
    divisor,
  };
}

function dtypeOf(name: string, array: unknown): FloatDType {
  if (array instanceof Float32Array) return "float32";
  if (array instanceof Float64Array) return "float64";
  throw new TypeError(`${name}: expected a Float32Array or a Float64Array, got ${kindOf(array)}`);
}

const kindOf = (value: unknown): string => (value as object | undefined)?.constructor?.name ?? String(value);

function inferShape(
  logits: FloatArray,
  labels: Int32Array | FloatArray,
  given: number | undefined,
): { rows: number; classes: number } {
  const indices = labels instanceof Int32Array;
  if (!indices) dtypeOf("labels (Int32Array for indices)", labels);
  const classes = indices ? (given ?? logits.length / labels.length) : given;
  if (classes === undefined)
    throw new RangeError("classes: expected with labels that are probabilities, got none");
  if (given !== undefined && !(Number.isSafeInteger(given) && given > 0)) {
    throw new RangeError(`classes: expected a positive integer, got ${given}`);
  }
  const rows = logits.length / classes;
  const consistent = Number.isInteger(classes) && Number.isInteger(rows) && classes > 0 && rows > 0;
  if (!consistent || (indices && labels.length !== rows)) {
    const shape = indices ? `for ${labels.length} labels` : "";
    throw new RangeError(
      `logits: expected rows × classes entries ${shape}, got ${logits.length}`.replace("  ", " "),
    );
  }
  return { rows, classes };
}

function checkFloats(name: string, array: FloatArray | undefined, dtype: FloatDType, length: number): void {
  if (array === undefined) return;
  if (dtypeOf(name, array) !== dtype) {
    throw new TypeError(`${name}: expected ${dtype} as the logits are, got a ${kindOf(array)}`);
  }
  if (array.length !== length)
    throw new RangeError(`${name}: expected ${length} entries, got ${array.length}`);
}

/** The sum of the weights of the labels that count. */
function totalWeight(
  labels: Int32Array,
  weights: FloatArray | undefined,
  ignoreIndex: number | undefined,
): number {
  if (!weights && ignoreIndex === undefined) return labels.length;
  let sum = 0;
  for (const label of labels) {
    if (label !== ignoreIndex) sum += weights ? (weights[label] as number) : 1;
  }
  return sum;
}
