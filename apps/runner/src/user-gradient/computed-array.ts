import type { FloatArray } from "@softmax-bench/core";
import type { NpyDType } from "@softmax-bench/npy";
import { FORMAT_IDS, FORMATS, type FormatId, roundToFormat } from "@softmax-bench/numerics";
import { UsageError } from "../terminal/errors.js";
import { formatPosition, type Reading, readArray, type UserArray } from "./read-array.js";

/** A loss or a gradient that another program computed: numbers of a format, any of which may be NaN or infinite. */
export interface ComputedArray {
  /** The array's name and source. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly format: FormatId;
  readonly data: FloatArray;
}

interface Formats {
  /** The format that the user says the numbers have. */
  readonly given: FormatId | undefined;
  /** The format of inline JSON if the user says none. */
  readonly ofJson: FormatId;
}

/**
 * Reads a computed array. Its format is the given one, or that of the file. A file may have a wider type than the format,
 * as for lack of a bfloat16, if every number in it is one of the format. Numbers in JSON are rounded to it.
 * @throws UsageError in one line naming file and problem.
 */
export function readComputed(
  flag: string,
  value: string,
  { given, ofJson }: Formats,
  reading: Reading,
): ComputedArray {
  const array = readArray(flag, value, reading);
  const { name, shape, dtype } = array;
  const stored = dtype === undefined ? ofJson : findFormat(name, dtype);
  const format = given ?? stored;
  return { name, shape, format, data: roundToItsFormat(array, format) };
}

function findFormat(name: string, dtype: NpyDType): FormatId {
  const format = FORMAT_IDS.find((id) => id === dtype);
  if (format) return format;
  throw new UsageError(
    `${name}: expected floating-point numbers, got ${dtype}; bfloat16 may be saved as float32, with --dtype bfloat16`,
  );
}

function roundToItsFormat({ name, shape, data, dtype }: UserArray, format: FormatId): FloatArray {
  const isKept = data instanceof Float32Array || data instanceof Float64Array;
  const values = isKept ? data : Float64Array.from(data as ArrayLike<number>);
  if (dtype === format) return values;
  for (let index = 0; index < values.length; index++) {
    const value = values[index] as number;
    const rounded = roundToFormat(value, 0, FORMATS[format]);
    if (dtype !== undefined && !Object.is(rounded, value)) {
      throw new UsageError(
        `${name}: --dtype ${format}: expected only numbers of ${format}, got ${value} at ${formatPosition(index, shape)}`,
      );
    }
    values[index] = rounded;
  }
  return values;
}
