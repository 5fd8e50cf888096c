import { DTYPES, type FloatArray, type FloatDType, floatArray } from "@softmax-bench/core";

/** Arrays for gradients, used again: touching 80 MB of new memory takes longer than comparing it. */
export class GradientBuffers {
  readonly #free: FloatArray[] = [];

  /** An array with arbitrary contents. Free ones of another size are dropped: sizes come in runs. */
  acquire(dtype: FloatDType, length: number): FloatArray {
    const fits = (array: FloatArray) => array.length === length && array instanceof DTYPES[dtype].Array;
    const found = this.#free.findIndex(fits);
    if (found >= 0) return this.#free.splice(found, 1)[0] as FloatArray;
    if (!this.#free.some(fits)) this.#free.length = 0;
    return floatArray(dtype, length);
  }

  release(array: FloatArray | undefined): void {
    if (array) this.#free.push(array);
  }
}
