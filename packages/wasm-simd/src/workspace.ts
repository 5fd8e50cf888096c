import type { Division, RowCopy } from "./compute.js";
import type { Heap } from "./heap.js";
import { ARRAYS, type FloatArray, type FloatDType } from "./options.js";
import { platform } from "./platform/index.js";

/** The position of a matrix, and the number of its rows that are present at a time. */
type Place = [at: number, rows: number];

/** Calls back with a workspace, and frees it afterwards. */
export function withWorkspace<Result>(heap: Heap, use: (space: Workspace) => Result): Result {
  const space = new Workspace(heap);
  try {
    return use(space);
  } finally {
    space.free();
  }
}

/** The part of the kernel's memory that one call uses while it lasts. Memory that is not shared empties arrays when it grows. */
class Workspace {
  readonly #heap: Heap;
  readonly #taken: number[] = [];
  /** The matrices that are not in the kernel's memory. */
  readonly #passing: (Omit<RowCopy, "window"> & { readonly start: number; readonly bytes: number })[] = [];

  constructor(heap: Heap) {
    this.#heap = heap;
  }

  reserve(bytes: number): number {
    const start = this.#heap.allocate(bytes);
    this.#taken.push(start);
    return start;
  }

  /** The float32 at an address, as long as nothing else is reserved. */
  floatsAt(start: number, length: number): Float32Array {
    return new Float32Array(this.#heap.buffer, start, length);
  }

  /** A small array, copied unless it is in the kernel's memory. 0 for undefined. */
  vector(array: FloatArray | Int32Array | undefined): number {
    if (!array) return 0;
    if (this.#heap.owns(array)) return array.byteOffset;
    const start = this.reserve(array.byteLength);
    platform.copy(platform.bytesOf(array), this.#bytesAt(start, array.byteLength));
    return start;
  }

  /**
   * A matrix `[rows, classes]`, or its address: in place if it is in the kernel's memory, otherwise a window that its rows pass.
   */
  matrix(
    matrix: FloatArray | number | undefined,
    direction: RowCopy["direction"],
    dtype: FloatDType,
    { rows, classes, rowsHere }: Division,
  ): Place {
    if (matrix === undefined) return [0, rows];
    if (typeof matrix === "number") return [matrix, rows];
    if (this.#heap.owns(matrix)) return [matrix.byteOffset, rows];
    const rowBytes = classes * ARRAYS[dtype].BYTES_PER_ELEMENT;
    const bytes = rowsHere * rowBytes;
    const start = this.reserve(bytes);
    this.#passing.push({ direction, host: platform.bytesOf(matrix), rowBytes, start, bytes });
    return [start, rowsHere];
  }

  /** Copies of the matrices that pass through, as long as nothing else is reserved. */
  copies(): RowCopy[] {
    return this.#passing.map(({ direction, host, rowBytes, start, bytes }) => ({
      direction,
      host,
      rowBytes,
      window: this.#bytesAt(start, bytes),
    }));
  }

  free(): void {
    for (const start of this.#taken) this.#heap.free(start);
  }

  #bytesAt(start: number, length: number): Uint8Array {
    return platform.bytesOf(new Uint8Array(this.#heap.buffer, start, length));
  }
}
