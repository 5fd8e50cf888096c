import { requireLabels, requireOptions, requireUpstream, requireWeights } from "@softmax-bench/numerics";

export type HalfDType = "float16" | "bfloat16";
export type FloatDType = "float32" | "float64" | HalfDType;

/** A Float16Array, which Node has from 24 on. */
export interface Float16Values extends ArrayBufferView {
  readonly [Symbol.toStringTag]: "Float16Array";
  readonly length: number;
  [index: number]: number;
}

/** Numbers in an array of their dtype. A Uint16Array has the bits of float16 or bfloat16, as the option `dtype` says. */
export type FloatArray = Float32Array | Float64Array | Uint16Array | Float16Values;

/** The array type that goes with `Values`, whose class may be one of the caller's. */
export type SameArray<Values extends FloatArray> = Values extends Float32Array
  ? Float32Array
  : Values extends Float64Array
    ? Float64Array
    : Values extends Uint16Array
      ? Uint16Array
      : Float16Values;

export const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int32: Int32Array,
} as const;

/** Numbers of the type that the kernel computes with. */
export type ComputedArray = Float32Array | Float64Array;

export interface LossOptions<Values extends FloatArray = FloatArray> {
  /** The dtype of all arrays. Required for Uint16Arrays; others have one of their own. */
  readonly dtype?: FloatDType | undefined;
  /**
   * The reduction of the rows' losses: their mean (of labels: over the sum of the weights of the rows that count),
   * their sum, or, for "none", a loss per row, whose gradient is that of Σ upstream · losses. Default "mean".
   */
  readonly reduction?: "mean" | "sum" | "none" | undefined;
  /** Class weights `[C]`. */
  readonly weights?: Values | undefined;
  /** For reduction "none": gradient of a later quantity with respect to each row's loss, `[N]`. Default: all 1. */
  readonly upstream?: Values | undefined;
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
  /**
   * True to compute exponentials as pairs of a mantissa and an exponent, from the logits as they are; false: from their
   * differences to the maximum, which round. Default false.
   */
  readonly twoPass?: boolean | undefined;
}

export interface GradientOptions<Values extends FloatArray = FloatArray> extends LossOptions<Values> {
  /** The array for the gradient, `[N, C]`; default: a new array. In the kernel's memory, it is not copied. */
  readonly out?: Values | undefined;
}

/** The checked problem to compute. */
export interface Problem {
  readonly dtype: FloatDType;
  readonly rows: number;
  readonly classes: number;
  readonly reduction: "mean" | "sum" | "none";
  readonly weights: ComputedArray | undefined;
  readonly upstream: ComputedArray | undefined;
  readonly ignoreIndex: number | undefined;
  readonly labelSmoothing: number;
  readonly exactTarget: boolean;
  readonly twoPass: boolean;
  /** The divisor of the mean: NaN if nothing counts, since q/0 would be infinite for smoothed labels. */
  readonly divisor: number;
}

/**
 * @param widen returns numbers of a dtype in an array of the type that they are computed with
 * @throws RangeError, or TypeError for arrays of the wrong type, with the expected value.
 */
export function toProblem(
  logits: FloatArray,
  labels: Int32Array | FloatArray,
  options: GradientOptions,
  widen: (dtype: FloatDType, values: FloatArray) => ComputedArray,
): Problem {
  const dtype = dtypeOf(logits, options.dtype);
  const { rows, classes } = inferShape(logits, labels, options.classes);
  return checkOptions({ dtype, rows, classes }, labels, options, widen);
}

/** The same for logits whose shape is known. @throws as `toProblem` does */
export function checkOptions(
  { dtype, rows, classes }: Pick<Problem, "dtype" | "rows" | "classes">,
  labels: Int32Array | FloatArray,
  options: GradientOptions,
  widen: (dtype: FloatDType, values: FloatArray) => ComputedArray,
): Problem {
  const {
    reduction = "mean",
    ignoreIndex,
    labelSmoothing = 0,
    exactTarget = true,
    twoPass = false,
  } = options;
  const indices = labels instanceof Int32Array;
  requireOptions({ ...options, targets: indices ? "labels" : "probabilities" });
  checkFloats("weights", options.weights, dtype, classes);
  checkFloats("upstream", options.upstream, dtype, rows);
  checkFloats("out", options.out, dtype, rows * classes);
  const weights = options.weights && widen(dtype, options.weights);
  const upstream = options.upstream && widen(dtype, options.upstream);
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
    twoPass,
    divisor,
  };
}

/** The class of arrays of 16-bit floats, where this host has one. */
const Float16: (new (length: number) => Float16Values) | undefined = Reflect.get(globalThis, "Float16Array");

const isFloat16Array = (array: unknown): array is Float16Values =>
  Float16 !== undefined && array instanceof Float16;

export const isHalf = (dtype: FloatDType): dtype is HalfDType => dtype === "float16" || dtype === "bfloat16";

/** The dtypes that an array may have. */
function dtypesOf(array: unknown): readonly FloatDType[] {
  if (array instanceof Float32Array) return ["float32"];
  if (array instanceof Float64Array) return ["float64"];
  if (isFloat16Array(array)) return ["float16"];
  if (array instanceof Uint16Array) return ["float16", "bfloat16"];
  return [];
}

function requireFloats(name: string, array: unknown): void {
  if (dtypesOf(array).length > 0) return;
  throw new TypeError(
    `${name}: expected a Float32Array, a Float64Array, or a Uint16Array or Float16Array of half precision, got ${kindOf(array)}`,
  );
}

/** A new array for the gradient of logits. */
export function arrayLike(logits: FloatArray, dtype: FloatDType): FloatArray {
  const ArrayType = Float16 && isFloat16Array(logits) ? Float16 : ARRAYS[dtype];
  return new ArrayType(logits.length);
}

function dtypeOf(logits: FloatArray, given: FloatDType | undefined): FloatDType {
  requireFloats("logits", logits);
  const possible = dtypesOf(logits);
  const [first, ...others] = possible;
  if (first && given === undefined && others.length === 0) return first;
  const dtype = possible.find((one) => one === given);
  if (dtype) return dtype;
  throw new TypeError(
    `dtype: expected ${possible.join(" or ")} for logits in a ${kindOf(logits)}, got ${given}`,
  );
}

const kindOf = (value: unknown): string => (value as object | undefined)?.constructor?.name ?? String(value);

function inferShape(
  logits: FloatArray,
  labels: Int32Array | FloatArray,
  given: number | undefined,
): { rows: number; classes: number } {
  const indices = labels instanceof Int32Array;
  if (!indices) requireFloats("labels (Int32Array for indices)", labels);
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
  if (!dtypesOf(array).includes(dtype)) {
    throw new TypeError(`${name}: expected ${dtype} as the logits are, got a ${kindOf(array)}`);
  }
  if (array.length !== length)
    throw new RangeError(`${name}: expected ${length} entries, got ${array.length}`);
}

/** The sum of the weights of the labels that count. */
function totalWeight(
  labels: Int32Array,
  weights: ComputedArray | undefined,
  ignoreIndex: number | undefined,
): number {
  if (!weights && ignoreIndex === undefined) return labels.length;
  let sum = 0;
  for (const label of labels) {
    if (label !== ignoreIndex) sum += weights ? (weights[label] as number) : 1;
  }
  return sum;
}
