import { sumError } from "../double-double/error-free.js";

/** A sum with the rounding errors of its additions summed beside it (Neumaier 1974). */
export class CompensatedSum {
  #sum = 0;
  #tail = 0;

  add(values: Float64Array): void {
    let sum = this.#sum;
    let tail = this.#tail;
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number;
      const next = sum + value;
      tail += sumError(sum, value, next);
      sum = next;
    }
    this.#sum = sum;
    this.#tail = tail;
  }

  get value(): number {
    return this.#sum + this.#tail;
  }
}

/** 2^-SMALLEST_EXPONENT must not overflow; entries below 2^-1000 are scaled by it all the same. */
const SMALLEST_EXPONENT = -1000;

/**
 * Euclidean norm whose squares neither overflow nor underflow: they are kept relative to a power of two
 * near the largest magnitude so far, sum_i v_i^2 = squares * 4^exponent.
 */
export class EuclideanNorm {
  #squares = 0;
  #exponent = SMALLEST_EXPONENT;
  #max = 0;

  add(values: Float64Array): void {
    let max = this.#max;
    for (let i = 0; i < values.length; i++) {
      const magnitude = Math.abs(values[i] as number);
      if (magnitude > max) max = magnitude;
    }
    this.#max = max;
    this.#raiseExponent(Math.floor(Math.log2(max)));

    const unit = 2 ** -this.#exponent;
    let squares = this.#squares;
    for (let i = 0; i < values.length; i++) {
      const scaled = (values[i] as number) * unit;
      squares += scaled * scaled;
    }
    this.#squares = squares;
  }

  #raiseExponent(exponent: number): void {
    if (exponent <= this.#exponent) return;
    this.#squares *= 4 ** (this.#exponent - exponent);
    this.#exponent = exponent;
  }

  /** The largest magnitude added. */
  get max(): number {
    return this.#max;
  }

  /** This norm over another: 0 if this is 0, otherwise Infinity if the other is 0. */
  relativeTo(other: EuclideanNorm): number {
    if (this.#max === 0) return 0;
    return Math.sqrt(this.#squares / other.#squares) * 2 ** (this.#exponent - other.#exponent);
  }
}
