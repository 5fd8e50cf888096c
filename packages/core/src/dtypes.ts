import { type FloatDType, roundToHalf } from "@softmax-bench/graph";
import { FORMATS, type NumberFormat } from "@softmax-bench/numerics";
import type { FloatArray } from "./float-array.js";

/** A floating-point format and its representation in JavaScript, which has arrays of two formats in all versions. */
export interface DTypeTraits extends NumberFormat {
  /** The size of one value, in a runtime's memory. */
  readonly bytes: number;
  /** Rounds to the nearest value of the format, ties to even. */
  readonly round: (value: number) => number;
  /** The array type that holds values, exactly. */
  readonly Array: {
    new (length: number): FloatArray;
    readonly BYTES_PER_ELEMENT: number;
    from(values: Iterable<number> | ArrayLike<number>): FloatArray;
  };
}

/** The dtypes of gradients, in the order of listings. Everything that depends on the dtype looks it up here. */
export const DTYPES: Readonly<Record<FloatDType, DTypeTraits>> = {
  float32: {
    ...FORMATS.float32,
    bytes: 4,
    round: Math.fround,
    Array: Float32Array,
  },
  float64: {
    ...FORMATS.float64,
    bytes: 8,
    round: (value) => value,
    Array: Float64Array,
  },
  float16: {
    ...FORMATS.float16,
    bytes: 2,
    round: (value) => roundToHalf("float16", value),
    Array: Float32Array,
  },
  bfloat16: {
    ...FORMATS.bfloat16,
    bytes: 2,
    round: (value) => roundToHalf("bfloat16", value),
    Array: Float32Array,
  },
};

/** The ids of all dtypes. */
export const DTYPE_IDS = Object.keys(DTYPES) as readonly FloatDType[];

/** The dtypes that are measured where none is named, and those that networks are trained in. */
export const USUAL_DTYPE_IDS: readonly FloatDType[] = ["float32", "float64"];

/** An array of zeros. */
export const floatArray = (dtype: FloatDType, length: number): FloatArray => new DTYPES[dtype].Array(length);

/** The values, rounded to the dtype. */
export function floatArrayFrom(dtype: FloatDType, values: Iterable<number> | ArrayLike<number>): FloatArray {
  const { Array: Values, round } = DTYPES[dtype];
  // Rounding before storing: rounding twice may differ from rounding once.
  return Values.from(isStoredRounded(dtype) ? values : Array.from(values, round));
}

/** Fills an array of the dtype with values, rounded. */
export function setRounded(
  dtype: FloatDType,
  array: FloatArray,
  values: ArrayLike<number>,
  offset = 0,
): void {
  if (isStoredRounded(dtype)) {
    array.set(values, offset);
    return;
  }
  const { round } = DTYPES[dtype];
  for (let index = 0; index < values.length; index++) array[offset + index] = round(values[index] as number);
}

/** True if storing a value in an array of the dtype rounds it. */
const isStoredRounded = (dtype: FloatDType): boolean => {
  const { bytes, Array: Values } = DTYPES[dtype];
  return Values.BYTES_PER_ELEMENT === bytes;
};

/** The position of the first value that is not one of the dtype; -1 if all are. NaN is one. */
export function findForeign(dtype: FloatDType, values: FloatArray): number {
  if (isStoredRounded(dtype)) return -1;
  const { round } = DTYPES[dtype];
  return values.findIndex((value) => round(value) !== value && !Number.isNaN(value));
}
