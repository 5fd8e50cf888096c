import { MAX_PAGES, PAGE } from "./module.js";

/** A cache line: no two allocations share one. */
const ALIGNMENT = 64;

interface Span {
  readonly start: number;
  readonly bytes: number;
}

/** Allocates parts of a WebAssembly memory, first fit. It grows when it must, to 4 GiB, and never shrinks. */
export class Heap {
  readonly #memory: WebAssembly.Memory;
  readonly #taken = new Map<number, number>();
  /** By address; neighbours are merged. */
  #free: Span[] = [];
  #end: number;
  /** A shared memory that has grown has a new buffer, and arrays on the old ones stay valid. */
  readonly #buffers = new WeakSet<ArrayBufferLike>();

  constructor(memory: WebAssembly.Memory, start: number) {
    this.#memory = memory;
    this.#end = roundUp(start, ALIGNMENT);
  }

  /** Bytes allocated. */
  get used(): number {
    return [...this.#taken.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** The memory's present buffer. */
  get buffer(): WebAssembly.Memory["buffer"] {
    return this.#memory.buffer;
  }

  /** True if arrays in this memory stay valid when it grows: if it is shared. Others become empty. */
  get keepsArrays(): boolean {
    return !(this.#memory.buffer instanceof ArrayBuffer);
  }

  /** True if an array is in this memory. */
  owns({ buffer }: { readonly buffer: ArrayBufferLike }): boolean {
    return this.#buffers.has(buffer);
  }

  /** Returns an offset, a multiple of 64. @throws RangeError if it does not fit into 4 GiB. */
  allocate(bytes: number): number {
    const size = roundUp(Math.max(bytes, 1), ALIGNMENT);
    const start = this.#reuse(size) ?? this.#extend(size);
    this.#taken.set(start, size);
    this.#buffers.add(this.#memory.buffer);
    return start;
  }

  /** @throws RangeError if nothing was allocated there. */
  free(start: number): void {
    const bytes = this.#taken.get(start);
    if (bytes === undefined) {
      throw new RangeError(`nothing is allocated at ${start}; free each array once, as it was allocated`);
    }
    this.#taken.delete(start);
    this.#free = merged([...this.#free, { start, bytes }]);
    const last = this.#free.at(-1);
    if (last && last.start + last.bytes === this.#end) {
      this.#end = last.start;
      this.#free.pop();
    }
  }

  #reuse(bytes: number): number | undefined {
    const index = this.#free.findIndex((span) => span.bytes >= bytes);
    const span = this.#free[index];
    if (!span) return undefined;
    const rest = { start: span.start + bytes, bytes: span.bytes - bytes };
    this.#free.splice(index, 1, ...(rest.bytes > 0 ? [rest] : []));
    return span.start;
  }

  #extend(bytes: number): number {
    const end = this.#end + bytes;
    const pages = Math.ceil(end / PAGE);
    const missing = pages - this.#memory.buffer.byteLength / PAGE;
    if (pages > MAX_PAGES) {
      throw new RangeError(
        `WebAssembly addresses 4 GiB; ${this.used} bytes are taken, and ${bytes} do not fit`,
      );
    }
    if (missing > 0) this.#memory.grow(missing);
    const start = this.#end;
    this.#end = end;
    return start;
  }
}

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

function merged(spans: Span[]): Span[] {
  const result: Span[] = [];
  for (const span of spans.sort((a, b) => a.start - b.start)) {
    const last = result.at(-1);
    if (last && last.start + last.bytes === span.start) {
      result[result.length - 1] = { start: last.start, bytes: last.bytes + span.bytes };
    } else result.push(span);
  }
  return result;
}
