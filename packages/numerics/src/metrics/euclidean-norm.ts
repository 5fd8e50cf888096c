/** 2^-SMALLEST_EXPONENT must not overflow; smaller entries are scaled by it as well. */
const SMALLEST_EXPONENT = -1000;

/**
 * Euclidean norm whose squares neither overflow nor underflow: they are kept relative to a power of two
 * near the largest magnitude so far, sum_i v_i^2 = squares * 4^exponent.
 */
export class EuclideanNorm {
  #squares = 0;
  #exponent = SMALLEST_EXPONENT;
  #max = 0;

  /** Factor for the next values before squaring, given the largest magnitude among them. */
  unitFor(largest: number): number {
    if (largest > this.#max) {
      this.#max = largest;
      this.#raiseExponent(Math.floor(Math.log2(largest)));
    }
    return 2 ** -this.#exponent;
  }

  /** Adds a sum of squares of values that were multiplied by the factor of `unitFor`. */
  addSquares(squares: number): void {
    this.#squares += squares;
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
