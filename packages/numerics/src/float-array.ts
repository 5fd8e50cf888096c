/** The two element types of gradients. */
export type FloatArray = Float32Array | Float64Array;

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
