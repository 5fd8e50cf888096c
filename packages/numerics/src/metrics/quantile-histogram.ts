/** Values below this have a bucket each. */
const EXACT_LIMIT = 1024;

/** A positive float32's bits without its last 16: the exponent and 7 bits of fraction. */
const TRUNCATED_BITS = 16;

const float32 = new Float32Array(1);
const float32Bits = new Int32Array(float32.buffer);

function truncatedFloat32(value: number): number {
  float32[0] = value;
  return (float32Bits[0] as number) >> TRUNCATED_BITS;
}

const FIRST_WIDE_BUCKET = truncatedFloat32(EXACT_LIMIT);

function bucketIndex(value: number): number {
  return value < EXACT_LIMIT ? value : EXACT_LIMIT + truncatedFloat32(value) - FIRST_WIDE_BUCKET;
}

function largestIn(bucket: number): number {
  if (bucket < EXACT_LIMIT) return bucket;
  float32Bits[0] = (bucket + 1 - EXACT_LIMIT + FIRST_WIDE_BUCKET) << TRUNCATED_BITS;
  return (float32[0] as number) - 1;
}

const BUCKETS = bucketIndex(2 ** 65) + 1;

/**
 * Quantiles of non-negative integers up to 2^65, and Infinity, in constant memory: a log-linear
 * histogram with one bucket per value below 1024 and 128 per octave above.
 */
export class QuantileHistogram {
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;
  #max = 0;

  /** Adds a value, `times` times. */
  add(value: number, times = 1): void {
    if (times === 0) return;
    this.#total += times;
    if (value > this.#max) this.#max = value;
    if (value === Number.POSITIVE_INFINITY) return;
    const bucket = bucketIndex(value);
    this.#counts[bucket] = (this.#counts[bucket] as number) + times;
  }

  /** The largest value added, exactly; 0 if there is none. */
  get max(): number {
    return this.#max;
  }

  /** Share of values that are 0. */
  get shareOfZeros(): number {
    return (this.#counts[0] as number) / this.#total;
  }

  /**
   * The nearest-rank quantile: the smallest value that at least the share `q` of all values, 0 < q <= 1,
   * does not exceed. Exact below 1024; above, rounded up by less than 1/128 of itself.
   */
  quantile(q: number): number {
    const rank = Math.ceil(q * this.#total);
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket] as number;
      if (seen >= rank) return Math.min(largestIn(bucket), this.#max);
    }
    return Number.POSITIVE_INFINITY;
  }
}
