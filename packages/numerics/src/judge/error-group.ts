import type { NumberFormat } from "../formats.js";
import { QuantileHistogram } from "../metrics/quantile-histogram.js";
import { ulpDistance } from "../metrics/ulp.js";
import { roundToFormat } from "../round.js";

/** One computed number, and its exact value rounded to float64. */
export interface JudgedNumber {
  /** Position in the array. */
  readonly index: number;
  readonly computed: number;
  readonly exact: number;
  /** Distance from the correctly rounded exact value. */
  readonly ulp: number;
}

/** Errors of a group of computed numbers. */
export interface GroupErrors {
  readonly count: number;
  /** The number of entries farther off than the limit. */
  readonly outside: number;
  /** Distances from the correctly rounded values, in ULP: the largest, and nearest-rank quantiles. */
  readonly maxUlp: number;
  readonly p99Ulp: number;
  readonly medianUlp: number;
  /** Largest |g - g*| / |g*| where g* is a normal number of the format; Infinity if such a g is NaN or infinite. */
  readonly maxRelError: number;
  /** The number that is farthest off, the first one of them. */
  readonly worst: JudgedNumber;
}

/** The unit and the limit of errors. */
export interface Scale {
  readonly format: NumberFormat;
  /** Largest distance from the correctly rounded value that is within the limit. */
  readonly maxUlp: number;
}

/** Collects the errors of computed numbers. */
export class ErrorGroup {
  readonly #scale: Scale;
  readonly #distances = new QuantileHistogram();
  #count = 0;
  #outside = 0;
  #maxRelError = 0;
  #worst: JudgedNumber | undefined;

  constructor(scale: Scale) {
    this.#scale = scale;
  }

  /** Adds a number of the format, whose exact value is hi + lo. */
  add(index: number, computed: number, hi: number, lo: number): void {
    const { format, maxUlp } = this.#scale;
    const ulp = Object.is(computed, hi) ? 0 : ulpDistance(computed, roundToFormat(hi, lo, format), format);
    this.#count++;
    this.#distances.add(ulp);
    if (ulp > maxUlp) this.#outside++;
    if (Math.abs(hi) >= format.smallestNormal && hi !== computed) {
      const error = Math.abs((computed - hi - lo) / hi);
      this.#maxRelError = Math.max(this.#maxRelError, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
    }
    if (this.#worst === undefined || ulp > this.#worst.ulp) {
      this.#worst = { index, computed, exact: hi, ulp };
    }
  }

  /** The errors of all numbers added; undefined if there are none. */
  get errors(): GroupErrors | undefined {
    if (this.#worst === undefined) return undefined;
    return {
      count: this.#count,
      outside: this.#outside,
      maxUlp: this.#distances.max,
      p99Ulp: this.#distances.quantile(0.99),
      medianUlp: this.#distances.quantile(0.5),
      maxRelError: this.#maxRelError,
      worst: this.#worst,
    };
  }
}
