/** Index of the less significant 32-bit word of a float64 in memory: 0 on little-endian hosts. */
export const LOW_WORD = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 0 : 1;

/** Index of the 32-bit word of a float64 that holds its sign and exponent. */
export const HIGH_WORD = 1 - LOW_WORD;

/** The bits of each element of `values` as an int32, without copying. */
export function float32Bits(values: Float32Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length);
}

/** The two 32-bit words of each element of `values`, without copying. */
export function float64Words(values: Float64Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, 2 * values.length);
}
