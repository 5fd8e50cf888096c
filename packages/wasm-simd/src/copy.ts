type Values = Float32Array | Float64Array | Int32Array;

/** An array's memory. */
export const bytesOf = ({ buffer, byteOffset, byteLength }: Values): Buffer =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);

/**
 * Copies bytes to `at`. A Buffer filled with another one is copied as a whole; `set` goes word by word where either is shared,
 * and takes twice as long.
 */
export function copy(from: Buffer, to: Buffer, at = 0): void {
  if (from.length > 0) to.fill(from, at, at + from.length);
}
