/** A writable array: its element type is that of losses, gradients or labels. */
export interface Writable {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Int32Array;
}

/** Data start at a multiple of this, so that they can be mapped into memory. */
const ALIGNMENT = 64;
/** NumPy leaves room for the first dimension to grow to this many digits. */
const GROWTH_DIGITS = 21;

/**
 * The bytes that `numpy.save` writes for an array: version 1.0, little-endian, row-major.
 * @throws RangeError if the shape is invalid, or does not match the number of elements.
 */
export function formatNpy({ shape, data }: Writable): Uint8Array {
  const length = shape.reduce((product, size) => product * size, 1);
  const isShape = shape.every((size) => Number.isSafeInteger(size) && size >= 0);
  if (!isShape || length !== data.length)
    throw new RangeError(`shape [${shape}] does not hold ${data.length} elements`);
  const descr = data instanceof Float32Array ? "<f4" : data instanceof Float64Array ? "<f8" : "<i4";
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const room = shape.length > 0 ? GROWTH_DIGITS - String(shape[0]).length : 0;
  const unpadded = 10 + dict.length + room + 1;
  // NumPy adds a whole block of padding if none is needed.
  const padding = room + ALIGNMENT - (unpadded % ALIGNMENT);
  const header = new TextEncoder().encode(`${dict}${" ".repeat(padding)}\n`);

  const bytes = new Uint8Array(10 + header.length + data.byteLength);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]);
  new DataView(bytes.buffer).setUint16(8, header.length, true);
  bytes.set(header, 10);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 10 + header.length);
  return bytes;
}
