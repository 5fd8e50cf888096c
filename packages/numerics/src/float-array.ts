import type { FormatId } from "./formats.js";

/** The arrays of gradients. Half-precision numbers are held in a Float32Array. */
export type FloatArray = Float32Array | Float64Array;

/** The format of an array's entries, unless they are known to be half-precision numbers. */
export const formatOf = (values: FloatArray): FormatId =>
  values instanceof Float32Array ? "float32" : "float64";

/** @throws RangeError unless both arrays have the same, non-zero length. */
export function requireSameLength(a: FloatArray, b: FloatArray): void {
  if (a.length !== b.length || a.length === 0) {
    throw new RangeError(
      `Expected two non-empty arrays of the same length, got ${a.length} and ${b.length}.`,
    );
  }
}

/** @throws RangeError unless both arrays have the same element type and the same, non-zero length. */
export function requireSameType(a: FloatArray, b: FloatArray): void {
  if (a.constructor !== b.constructor) {
    throw new RangeError(
      `Expected two arrays of the same type, got ${a.constructor.name} and ${b.constructor.name}.`,
    );
  }
  requireSameLength(a, b);
}
