import { read, type Tensor, tensor } from "@softmax-bench/graph";

/** Properties of a tensor that its values alone reveal. */

const LEAST_OF_MASKS = -1e4;

/** True if all elements are 0 or 1, or 0 or one very negative (or infinite) number; both occur, or only the latter. */
export function isMask({ data }: Tensor): boolean {
  let least = 0;
  for (let index = 0; index < data.length; index++) least = Math.min(least, read(data, index));
  const other = least <= LEAST_OF_MASKS ? least : 1;
  let others = 0;
  for (let index = 0; index < data.length; index++) {
    const element = read(data, index);
    if (element === other) others++;
    else if (element !== 0) return false;
  }
  return other === 1 ? others > 0 && others < data.length : others > 0;
}

export function isUniform({ data }: Tensor): boolean {
  for (let index = 1; index < data.length; index++) if (read(data, index) !== read(data, 0)) return false;
  return true;
}

/** Several elements as text: tensors with the same elements have the same. */
export function sampleOf({ data }: Tensor): string {
  const step = Math.max(1, Math.floor(data.length / 16));
  return Array.from({ length: Math.ceil(data.length / step) }, (_, at) => read(data, at * step)).join();
}

/** True if two tensors of one shape have the same elements, which are not all alike. */
export function isEqual(a: Tensor, b: Tensor): boolean {
  for (let index = 0; index < a.data.length; index++) {
    if (!Object.is(read(a.data, index), read(b.data, index))) return false;
  }
  return !isUniform(a);
}

/** True if one matrix is the transpose of the other, and not a multiple of ones. */
export function isTransposed(a: Tensor, b: Tensor): boolean {
  const [rows = 0, columns = 0] = a.shape;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      if (!Object.is(read(a.data, row * columns + column), read(b.data, column * rows + row))) return false;
    }
  }
  return !isUniform(a);
}

/** 1 minus each element, rounded to the element type. */
export const complementOf = ({ dtype, shape, data }: Tensor): Tensor =>
  tensor(
    dtype,
    shape,
    Array.from(data as ArrayLike<number>, (element) => 1 - element),
  );

/** Numbers that occur beside their complement by chance. */
const COMMON: readonly number[] = [0, 0.5, 1];

/** True if a tensor is the complement of another one of its type, and not of a single common number. */
export function isComplement(a: Tensor, b: Tensor): boolean {
  if (a.data.length === 1 && COMMON.includes(read(a.data, 0))) return false;
  const { data } = complementOf(b);
  return data.every((element: number | bigint, index: number) => element === a.data[index]);
}

/** Fewer steps than this fit a sine by chance. */
const LEAST_STEPS = 5;
/** The tolerance for rounding to float32. */
const TOLERANCE = 1e-4;

/**
 * True if the second to last axis runs through positions t, and each column is a sine a sin(ωt + φ): then x(t + 1) +
 * x(t − 1) is 2 cos ω · x(t) for all t. Position encodings are such tables. Equal rows do not count.
 */
export function isTableOfSines({ data, shape }: Tensor): boolean {
  const [steps = 0, columns = 0] = shape.slice(-2);
  if (shape.length < 2 || steps < LEAST_STEPS || columns < 2 || data.length !== steps * columns) return false;
  let isMoving = false;
  for (let column = 0; column < columns; column++) {
    const at = (step: number) => read(data, step * columns + column);
    let [products, squares] = [0, 0];
    for (let step = 1; step < steps - 1; step++) {
      products += (at(step + 1) + at(step - 1)) * at(step);
      squares += at(step) ** 2;
    }
    const factor = squares === 0 ? 2 : products / squares;
    for (let step = 0; step < steps; step++) {
      if (!(Math.abs(at(step)) <= 1 + TOLERANCE)) return false;
      if (step === 0 || step === steps - 1) continue;
      if (Math.abs(at(step + 1) + at(step - 1) - factor * at(step)) > TOLERANCE) return false;
    }
    isMoving ||= Math.abs(at(1) - at(0)) > 100 * TOLERANCE;
  }
  return isMoving;
}

/** Slopes of heads are powers of 2 with exponents that are multiples of this, for up to 128 heads. */
const STEP_OF_SLOPES = 1 / 32;

/**
 * True for the slopes of attention's linear biases (ALiBi, Press et al. 2022): different roots of powers of 2, between 0
 * and 1.
 */
export function areSlopes({ data }: Tensor): boolean {
  const exponents = Array.from(
    { length: data.length },
    (_, index) => Math.log2(read(data, index)) / STEP_OF_SLOPES,
  );
  const isRoot = (exponent: number) => exponent < 0 && Math.abs(exponent - Math.round(exponent)) <= TOLERANCE;
  return (
    data.length > 1 && exponents.every(isRoot) && new Set(exponents.map(Math.round)).size === data.length
  );
}
