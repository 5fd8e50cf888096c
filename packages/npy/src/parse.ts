import type { NpyData, NpyDType } from "./dtype.js";
import { NpyError } from "./error.js";
import { type Header, readHeader } from "./header.js";

export interface NpyArray {
  /** The type in the file; the data of float16 and bfloat16 are float32. */
  readonly dtype: NpyDType;
  /** The sizes, outermost first; `[]` is a scalar. */
  readonly shape: readonly number[];
  /** The elements, row-major, whatever the file's order. */
  readonly data: NpyData;
}

export interface ParseOptions {
  /** The type of elements of 2 bytes without a type: NumPy saves bfloat16 as such. By default they are refused. */
  readonly untyped?: "bfloat16" | undefined;
}

/**
 * Reads a `.npy` file of numbers. It never allocates more than a small multiple of the data that are present.
 * @throws UntypedError if the elements have no type and the options give none; NpyError if the bytes are anything else,
 *   or too few, or too many.
 */
export function parseNpy(bytes: Uint8Array, { untyped }: ParseOptions = {}): NpyArray {
  const header = readHeader(bytes, untyped);
  const { element, shape, offset } = header;
  const length = shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
  const [needed, present] = [length * element.size, bytes.length - offset];
  if (needed !== present) {
    const claim = `claims ${element.dtype}[${shape.slice(0, 8)}${shape.length > 8 ? ",…" : ""}]`;
    throw new NpyError(`${claim}, ${needed} bytes of data, but has ${present}`);
  }
  // Not bytes.slice: for a Buffer it does not copy, and the memory starts elsewhere.
  const copy: Uint8Array<ArrayBuffer> = new Uint8Array(bytes.subarray(offset));
  if (!element.littleEndian) reverseBytes(copy, element.size);
  const data = element.view(copy.buffer, length);
  return { dtype: element.dtype, shape, data: rowMajor(data, header) };
}

/** Node runs on little-endian machines only. */
function reverseBytes({ buffer, byteOffset, byteLength }: Uint8Array, size: number): void {
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  if (size === 2) bytes.swap16();
  if (size === 4) bytes.swap32();
  if (size === 8) bytes.swap64();
}

function rowMajor(data: NpyData, { fortranOrder, shape }: Header): NpyData {
  if (!fortranOrder || shape.length < 2) return data;
  const sorted = data.slice();
  const strides: number[] = [];
  for (let axis = 0, stride = 1; axis < shape.length; axis++) {
    strides.push(stride);
    stride *= shape[axis] as number;
  }
  const position = new Array<number>(shape.length).fill(0);
  for (let flat = 0, source = 0; flat < data.length; flat++) {
    sorted[flat] = data[source] as never;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (position[axis] as number) + 1;
      source += strides[axis] as number;
      if (next < (shape[axis] as number)) {
        position[axis] = next;
        break;
      }
      source -= next * (strides[axis] as number);
      position[axis] = 0;
    }
  }
  return sorted;
}
