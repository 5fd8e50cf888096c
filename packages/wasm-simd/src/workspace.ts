import type { Division, Passage } from "./compute.js";
import type { Heap } from "./heap.js";
import { ARRAYS, type FloatArray, type FloatDType } from "./options.js";

/** Where a matrix is, and how many of its rows are there at a time. */
type Place = [at: number, rows: number];

/** What one call takes of the kernel's memory, for as long as it lasts. */
export class Workspace implements Disposable {
  /** Of the matrices that are not in the kernel's memory. */
  readonly passages: Passage[] = [];
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

  /** A small array: copied, unless it is in the kernel's memory. 0 if there is none. */
  vector(array: FloatArray | Int32Array | undefined): number {
    if (!array) return 0;
    if (this.#heap.owns(array)) return array.byteOffset;
    const start = this.reserve(array.byteLength);
    const bytes = new Uint8Array(this.#heap.buffer, start, array.byteLength);
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    return start;
  }

  /** A matrix `[rows, classes]`: in place if it is in the kernel's memory, else a window that its rows pass. */
  matrix(
    host: FloatArray | undefined,
    direction: Passage["direction"],
    dtype: FloatDType,
    { rows, classes, chunk, slots }: Division,
  ): Place {
    if (!host) return [0, rows];
    if (this.#heap.owns(host)) return [host.byteOffset, rows];
    const ArrayType = ARRAYS[dtype];
    const rowsHere = Math.min(rows, slots * chunk);
    const length = rowsHere * classes;
    const start = this.reserve(length * ArrayType.BYTES_PER_ELEMENT);
    this.passages.push({
      direction,
      // Subclasses may have other ideas of `subarray`.
      host: new ArrayType(host.buffer as ArrayBuffer, host.byteOffset, host.length),
      window: new ArrayType(this.#heap.buffer, start, length),
    });
    return [start, rowsHere];
  }

  [Symbol.dispose](): void {
    for (const start of this.#taken) this.#heap.free(start);
  }
}
