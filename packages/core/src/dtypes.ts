import type { FloatDType } from "@softmax-bench/graph";
import type { FloatArray } from "./float-array.js";

/** A floating-point format (IEEE 754-2019, table 3.5) and its representation in JavaScript. */
export interface DTypeTraits {
  /** The size of one value. */
  readonly bytes: number;
  /** Largest relative error of rounding to nearest: 2⁻ᵖ for a significand of p bits. */
  readonly unitRoundoff: number;
  /** The smallest number with all significant bits. */
  readonly smallestNormal: number;
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
    bytes: 4,
    unitRoundoff: 2 ** -24,
    smallestNormal: 2 ** -126,
    round: Math.fround,
    Array: Float32Array,
  },
  float64: {
    bytes: 8,
    unitRoundoff: 2 ** -53,
    smallestNormal: 2 ** -1022,
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
