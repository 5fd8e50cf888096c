import type { FloatDType } from "@softmax-bench/core";
import {
  type FloatArray,
  floatArray,
  type Inputs,
  type LossOptions,
  messageOf,
  plural,
} from "@softmax-bench/core";
import { NpyError, parseNpy } from "@softmax-bench/npy";
import { z } from "zod";
import { readRegularFile } from "../fs/read-regular-file.js";
import { UsageError } from "../terminal/errors.js";

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

/** The most elements that are accepted: 2 GiB of logits in float64. */
const MAX_ELEMENTS = 2 ** 28;
/** Bytes of a header and that many float64. */
const MAX_BYTES = 2 ** 20 + 8 * MAX_ELEMENTS;

/** Numbers of any type, with a shape. `name` is the array's name and source. */
interface UserArray {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: ArrayLike<number | bigint>;
  readonly integers: boolean;
}

/**
 * Reads and checks a user's arrays, and converts them to a dtype.
 * @throws UsageError in one line naming file and problem.
 */
export function readProblem(
  given: UserArrays,
  dtype: FloatDType,
  options: Pick<LossOptions, "reduction" | "ignoreIndex" | "labelSmoothing">,
): UserProblem {
  const logits = readArray("--logits", given.logits);
  const [rows = 0, classes = 0] = logits.shape;
  if (logits.shape.length !== 2) {
    throw new UsageError(`${logits.name}: expected logits [N, C], got shape [${logits.shape}]`);
  }
  if (rows === 0 || classes === 0)
    throw new UsageError(`${logits.name}: is empty, its shape is [${logits.shape}]`);
  const labels = readArray("--labels", given.labels);
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
          weights: nonNegative(readArray("--weights", given.weights), dtype, [classes], "a weight per class"),
        }),
    ...(options.reduction === "none" ? { upstream: readUpstream(given.upstream, rows, dtype) } : {}),
  };
  return { rows, classes, inputs, loss };
}

function readArray(flag: string, value: string): UserArray {
  return value.trimStart().startsWith("[") ? parseJson(flag, value) : readFile(flag, value);
}

const jsonArray = z.union([z.array(z.number()), z.array(z.array(z.number()))]);

function parseJson(flag: string, text: string): UserArray {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${flag}: not JSON: ${messageOf(error)}`);
  }
  const parsed = jsonArray.safeParse(value);
  if (!parsed.success) throw new UsageError(`${flag}: expected a list of numbers, or of rows of numbers`);
  const rows = parsed.data;
  const [first] = rows;
  if (!Array.isArray(first)) {
    const data = rows as number[];
    return { name: flag, shape: [data.length], data, integers: data.every(Number.isInteger) };
  }
  const width = first.length;
  const uneven = (rows as number[][]).findIndex((row) => row.length !== width);
  if (uneven >= 0) {
    throw new UsageError(
      `${flag}: row ${uneven} has ${plural((rows[uneven] as number[]).length, "number")}, row 0 has ${width}`,
    );
  }
  return { name: flag, shape: [rows.length, width], data: (rows as number[][]).flat(), integers: false };
}

function readFile(flag: string, file: string): UserArray {
  const name = `${flag} ${file}`;
  try {
    const { shape, data, dtype } = parseNpy(readRegularFile(file, MAX_BYTES));
    return { name, shape, data, integers: !dtype.startsWith("float") };
  } catch (error) {
    if (error instanceof NpyError) throw new UsageError(`${name}: ${error.message}`);
    if (error instanceof UsageError) throw new UsageError(`${name}: ${error.message}`);
    throw new UsageError(`${name}: ${messageOf(error)}; expected a .npy file, or JSON such as '[[1, 2, 3]]'`);
  }
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

function readUpstream(given: string | undefined, rows: number, dtype: FloatDType): FloatArray {
  if (given === undefined) return floatArray(dtype, rows).fill(1);
  const array = readArray("--upstream", given);
  requireShape(array, [rows], "a number per row");
  return convert(array, dtype, finite);
}

function requireShape({ name, shape }: UserArray, expected: readonly number[], what: string): void {
  if (shape.length === expected.length && shape.every((size, axis) => size === expected[axis])) return;
  throw new UsageError(`${name}: expected ${what}, shape [${expected}], got shape [${shape}]`);
}

/** @param findProblem returns what was expected instead of a value; undefined if it is valid */
function convert(
  { name, shape, data }: UserArray,
  dtype: FloatDType,
  findProblem: (value: number) => string | undefined,
): FloatArray {
  const values = floatArray(dtype, data.length);
  for (let index = 0; index < values.length; index++) {
    const value = Number(data[index]);
    const expected = findProblem(value);
    if (expected)
      throw new UsageError(`${name}: expected ${expected} at ${formatPosition(index, shape)}, got ${value}`);
    values[index] = value;
    if (Number.isFinite(value) && !Number.isFinite(values[index])) {
      throw new UsageError(
        `${name}: ${value} at ${formatPosition(index, shape)} is too large for ${dtype}; try --dtype float64`,
      );
    }
  }
  return values;
}

/** A position as text: `[3, 17]`. */
function formatPosition(index: number, shape: readonly number[]): string {
  const last = shape.at(-1) ?? 1;
  return shape.length < 2 ? `[${index}]` : `[${Math.floor(index / last)}, ${index % last}]`;
}

function classIndices(
  array: UserArray,
  rows: number,
  classes: number,
  ignoreIndex: number | undefined,
): Int32Array {
  const { name, data, integers } = array;
  requireShape(array, [rows], "a class index for each row (or probabilities [N, C])");
  if (!integers)
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
