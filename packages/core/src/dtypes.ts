import type { FloatDType } from "@softmax-bench/graph";
import { FORMATS, type NumberFormat } from "@softmax-bench/numerics";
import type { FloatArray } from "./float-array.js";

/** A floating-point format and its representation in JavaScript. */
export interface DTypeTraits extends NumberFormat {
  /** The size of one value. */
  readonly bytes: number;
  /** Rounds to the nearest value of the format, ties to even. */
  readonly round: (value: number) => number;
  readonly Array: {
    new (length: number): FloatArray;
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
};

/** The ids of all dtypes. */
export const DTYPE_IDS = Object.keys(DTYPES) as readonly FloatDType[];

/** An array of zeros. */
export const floatArray = (dtype: FloatDType, length: number): FloatArray => new DTYPES[dtype].Array(length);

/** The values, rounded to the dtype. */
export const floatArrayFrom = (dtype: FloatDType, values: Iterable<number> | ArrayLike<number>): FloatArray =>
  DTYPES[dtype].Array.from(values);
