import type { FloatDType } from "@softmax-bench/core";
import { DTYPES, type FloatArray, floatArray, type Inputs, type LossOptions } from "@softmax-bench/core";
import { UsageError } from "../terminal/errors.js";
import {
  formatPosition,
  MAX_ELEMENTS,
  type Reading,
  readArray,
  requireShape,
  type UserArray,
} from "./read-array.js";

/** A user's input: a file name or inline JSON for each array, and the loss options as flags. */
export interface UserArrays {
  readonly logits: string;
  readonly labels: string;
  readonly weights?: string | undefined;
  readonly upstream?: string | undefined;
}

/** A user's problem, checked. */
export interface UserProblem {
  readonly rows: number;
  readonly classes: number;
  readonly inputs: Inputs;
  readonly loss: LossOptions;
}

/** For backends: the dtype that they compute in is no claim about the type of a file. */
const FOR_BACKENDS: Reading = { onUntyped: "save them as float32, which is exact: x.astype(np.float32)" };

/**
 * Reads and checks a user's arrays, and converts them to a dtype.
 * @throws UsageError in one line naming file and problem.
 */
export function readProblem(
  given: UserArrays,
  dtype: FloatDType,
  options: Pick<LossOptions, "reduction" | "ignoreIndex" | "labelSmoothing">,
  reading: Reading = FOR_BACKENDS,
): UserProblem {
  const logits = readArray("--logits", given.logits, reading);
  const [rows = 0, classes = 0] = logits.shape;
  if (logits.shape.length !== 2) {
    throw new UsageError(`${logits.name}: expected logits [N, C], got shape [${logits.shape}]`);
  }
  if (rows === 0 || classes === 0)
    throw new UsageError(`${logits.name}: is empty, its shape is [${logits.shape}]`);
  const labels = readArray("--labels", given.labels, reading);
  const probabilities = labels.shape.length === 2;
  const loss: LossOptions = {
    ...options,
    targets: probabilities ? "probabilities" : "labels",
    weighted: given.weights !== undefined,
  };
  if (probabilities && options.ignoreIndex !== undefined) {
    throw new UsageError(`--ignore-index is for class indices, but ${labels.name} has probabilities [N, C]`);
  }
  if (given.upstream !== undefined && options.reduction !== "none") {
    throw new UsageError(`--upstream is for --reduction none, where there is one loss per row`);
  }
  const inputs: Inputs = {
    logits: toLogits(logits, dtype),
    labels: probabilities
      ? nonNegative(labels, dtype, [rows, classes], "a probability for each class")
      : classIndices(labels, rows, classes, options.ignoreIndex),
    ...(given.weights === undefined
      ? {}
      : {
          weights: nonNegative(
            readArray("--weights", given.weights, reading),
            dtype,
            [classes],
            "a weight per class",
          ),
        }),
    ...(options.reduction === "none" ? { upstream: readUpstream(given.upstream, rows, dtype, reading) } : {}),
  };
  return { rows, classes, inputs, loss };
}

/** Logits in the dtype. NaN and values out of its range are refused. −∞ is a masked class. */
function toLogits(array: UserArray, dtype: FloatDType): FloatArray {
  if (array.data.length > MAX_ELEMENTS) {
    throw new UsageError(`${array.name}: expected at most ${MAX_ELEMENTS} logits, got ${array.data.length}`);
  }
  return convert(array, dtype, (value) => (value === Number.NEGATIVE_INFINITY ? undefined : finite(value)));
}

const finite = (value: number): string | undefined =>
  Number.isFinite(value) ? undefined : "a finite number";

function nonNegative(
  array: UserArray,
  dtype: FloatDType,
  shape: readonly number[],
  what: string,
): FloatArray {
  requireShape(array, shape, what);
  return convert(array, dtype, (value) => finite(value) ?? (value < 0 ? "a number of 0 or more" : undefined));
}

function readUpstream(
  given: string | undefined,
  rows: number,
  dtype: FloatDType,
  reading: Reading,
): FloatArray {
  if (given === undefined) return floatArray(dtype, rows).fill(1);
  const array = readArray("--upstream", given, reading);
  requireShape(array, [rows], "a number per row");
  return convert(array, dtype, finite);
}

/** @param findProblem returns what was expected instead of a value; undefined if it is valid */
function convert(
  { name, shape, data, round }: UserArray,
  dtype: FloatDType,
  findProblem: (value: number) => string | undefined,
): FloatArray {
  const { round: roundTo } = DTYPES[dtype];
  const values = floatArray(dtype, data.length);
  for (let index = 0; index < values.length; index++) {
    const value = round(Number(data[index]));
    const expected = findProblem(value);
    if (expected)
      throw new UsageError(`${name}: expected ${expected} at ${formatPosition(index, shape)}, got ${value}`);
    values[index] = roundTo(value);
    if (Number.isFinite(value) && !Number.isFinite(values[index])) {
      throw new UsageError(
        `${name}: ${value} at ${formatPosition(index, shape)} is too large for ${dtype}; try --dtype float64`,
      );
    }
  }
  return values;
}

function classIndices(
  array: UserArray,
  rows: number,
  classes: number,
  ignoreIndex: number | undefined,
): Int32Array {
  const { name, data, isWhole } = array;
  requireShape(array, [rows], "a class index for each row (or probabilities [N, C])");
  if (!isWhole)
    throw new UsageError(`${name}: expected whole numbers for class indices, got floating-point ones`);
  return Int32Array.from({ length: rows }, (_, row) => {
    const label = Number(data[row]);
    if (label === ignoreIndex || (label >= 0 && label < classes)) return label;
    const canBeIgnored = label < 0 && label === (label | 0) && ignoreIndex === undefined;
    const hint = canBeIgnored ? `; if it marks rows to ignore, --ignore-index ${label}` : "";
    throw new UsageError(
      `${name}: expected a class in 0 … ${classes - 1} at [${row}], got ${data[row]}${hint}`,
    );
  });
}
