import { bytesOf, copy } from "#platform";
import type { Division, RowCopy } from "./compute.js";
import type { Heap } from "./heap.js";
import { ARRAYS, type FloatArray, type FloatDType } from "./options.js";

/** The position of a matrix, and the number of its rows that are present at a time. */
type Place = [at: number, rows: number];

/** The part of the kernel's memory that one call uses while it lasts. */
export class Workspace implements Disposable {
  /** Copies of the matrices that are not in the kernel's memory. */
  readonly copies: RowCopy[] = [];
  readonly #heap: Heap;
  readonly #taken: number[] = [];

  constructor(heap: Heap) {
    this.#heap = heap;
  }

  reserve(bytes: number): number {
    const start = this.#heap.allocate(bytes);
    this.#taken.push(start);
    return start;
  }

  /** An array of float32 with arbitrary contents. */
  floats(length: number): Float32Array {
    const start = this.reserve(length * Float32Array.BYTES_PER_ELEMENT);
    return new Float32Array(this.#heap.buffer, start, length);
  }

  /** A small array, copied unless it is in the kernel's memory. 0 for undefined. */
  vector(array: FloatArray | Int32Array | undefined): number {
    if (!array) return 0;
    if (this.#heap.owns(array)) return array.byteOffset;
    const start = this.reserve(array.byteLength);
    copy(bytesOf(array), this.#bytesAt(start, array.byteLength));
    return start;
  }

  /** A matrix `[rows, classes]`: in place if it is in the kernel's memory, otherwise a window that its rows pass. */
  matrix(
    host: FloatArray | undefined,
    direction: RowCopy["direction"],
    dtype: FloatDType,
    { rows, classes, chunk, slots }: Division,
  ): Place {
    if (!host) return [0, rows];
    if (this.#heap.owns(host)) return [host.byteOffset, rows];
    const rowBytes = classes * ARRAYS[dtype].BYTES_PER_ELEMENT;
    const rowsHere = Math.min(rows, slots * chunk);
    const start = this.reserve(rowsHere * rowBytes);
    const window = this.#bytesAt(start, rowsHere * rowBytes);
    this.copies.push({ direction, host: bytesOf(host), window, rowBytes });
    return [start, rowsHere];
  }

  #bytesAt(start: number, length: number): Uint8Array {
    return bytesOf(new Uint8Array(this.#heap.buffer, start, length));
  }

  [Symbol.dispose](): void {
    for (const start of this.#taken) this.#heap.free(start);
  }
}
