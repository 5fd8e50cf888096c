export interface BoundedCacheOptions<T> {
  /** Bytes that all values together may take. */
  readonly limitBytes: number;
  readonly sizeOf: (value: T) => number;
}

/**
 * Keeps values that are expensive to compute, up to a number of bytes: the least recently used are dropped first. The
 * newest value stays even if it alone exceeds the limit, since many cells in a row need the same one.
 */
export class BoundedCache<T> {
  readonly #options: BoundedCacheOptions<T>;
  /** From the least to the most recently used. */
  readonly #values = new Map<string, T>();
  #bytes = 0;

  constructor(options: BoundedCacheOptions<T>) {
    this.#options = options;
  }

  /** Returns the value of a key. Computes it if it is not there, or no longer. */
  get(key: string, compute: () => T): T {
    const known = this.#values.get(key);
    const value = known ?? compute();
    this.#values.delete(key);
    if (known === undefined) this.#makeRoomFor(value);
    this.#values.set(key, value);
    return value;
  }

  #makeRoomFor(value: T): void {
    const { limitBytes, sizeOf } = this.#options;
    this.#bytes += sizeOf(value);
    for (const [key, oldest] of this.#values) {
      if (this.#bytes <= limitBytes) return;
      this.#values.delete(key);
      this.#bytes -= sizeOf(oldest);
    }
  }
}
