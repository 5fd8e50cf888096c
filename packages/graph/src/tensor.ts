import { reserve } from "./budget.js";
import { GraphError, UndefinedResult } from "./error.js";
import { HALVES, type HalfDType, roundToHalf } from "./half.js";

/**
 * Element types, named as in NumPy and ml_dtypes. `int64` is carried in a `BigInt64Array`, `bool` as 0 and 1, and half
 * precision in a `Float32Array` whose elements are all numbers of the half-precision type.
 */
export type DType = FloatDType | "int32" | "int64" | "bool";
export type FloatDType = "float32" | "float64" | HalfDType;

/** Dimensions, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];

export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
}

export type TensorData = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;

/** A dense, row-major tensor on the host. */
export interface Tensor extends TensorType {
  readonly data: TensorData;
}

export const sizeOf = (shape: Shape): number => shape.reduce((size, dim) => size * dim, 1);

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((dim, axis) => dim === b[axis]);

/** Floating-point element types. */
export const FLOATS: readonly DType[] = ["float32", "float64", "float16", "bfloat16"];

export const isFloat = ({ dtype }: TensorType): boolean => FLOATS.includes(dtype);

export const isHalf = (dtype: DType): dtype is HalfDType => dtype in HALVES;

export const isInteger = ({ dtype }: TensorType): boolean => dtype === "int32" || dtype === "int64";

export const formatType = ({ dtype, shape }: TensorType): string => `${dtype}[${formatShape(shape)}]`;

/** Dimensions for a message; only the first few of a long list. */
export const formatShape = (shape: Shape): string =>
  shape.length > 8 ? `${shape.slice(0, 8)},… (rank ${shape.length})` : String(shape);

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Float32Array,
  bfloat16: Float32Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
} satisfies Record<DType, new (length: number) => TensorData>;

/** Storage for a tensor of this type, zero-filled. @throws GraphError if the shape is invalid, or over the budget. */
export function allocate(type: TensorType): TensorData {
  checkShape(type);
  const size = sizeOf(type.shape);
  reserve(size);
  return new ARRAYS[type.dtype](size);
}

/** The maximum number of axes, as in NumPy; work on shapes grows with the square of their number. */
const LARGEST_RANK = 64;

/** @throws GraphError if there are more axes than any model needs. */
export function checkRank(rank: number): void {
  if (rank > LARGEST_RANK) throw new GraphError(`a rank of ${rank} is more than ${LARGEST_RANK}`);
}

/** @throws GraphError if a dimension is not a size, there are too many axes, or too many elements for a number. */
export function checkShape({ shape }: TensorType): void {
  checkRank(shape.length);
  const wrong = shape.find((dim) => !Number.isSafeInteger(dim) || dim < 0);
  if (wrong !== undefined)
    throw new GraphError(`${wrong} is no size: the shape would be [${formatShape(shape)}]`);
  if (!Number.isSafeInteger(sizeOf(shape)))
    throw new GraphError(`a shape of [${formatShape(shape)}] is too large`);
}

/** An element as stored in its typed array: a bigint for int64, a number for any other dtype. */
export type Element = number | bigint;

/**
 * A tensor from plain numbers, row-major.
 * @throws RangeError if the number of values does not fit the shape.
 * @throws GraphError if a value is not one of the element type; see `write`.
 */
export function tensor(dtype: DType, shape: Shape, values: Iterable<Element>): Tensor {
  const data = allocate({ dtype, shape });
  let length = 0;
  const round = rounding(dtype);
  for (const value of values) write(data, length++, round(value));
  if (length !== data.length) {
    throw new RangeError(`${formatType({ dtype, shape })} holds ${data.length} values, got ${length}`);
  }
  return { dtype, shape, data };
}

/** Rounds elements to half precision; other types round when they are stored. */
export const rounding = (dtype: DType): ((value: Element) => Element) =>
  isHalf(dtype) ? (value) => roundToHalf(dtype, Number(value)) : (value) => value;

/** The same tensor, its elements rounded in place if it has half precision. */
export function rounded(x: Tensor): Tensor {
  const { dtype, data } = x;
  if (isHalf(dtype)) {
    for (let index = 0; index < data.length; index++) data[index] = roundToHalf(dtype, Number(data[index]));
  }
  return x;
}

/** Element `index` as a number; rounded for int64 beyond 2^53. */
export const read = (data: TensorData, index: number): number => Number(data[index]);

/** Element `index`, exactly. */
export const elementAt = (data: TensorData, index: number): Element => data[index] as Element;

/** All elements, exactly. */
export const elementsOf = ({ data }: Tensor): Element[] => Array.from(data as ArrayLike<Element>);

/**
 * Stores an element. Floating-point numbers are rounded to the element type. Bigints, the results of integer
 * arithmetic, wrap around in two's complement.
 * @throws UndefinedResult if a number is not a value of an integer or bool type: a fraction, NaN, or out of range.
 */
export function write(data: TensorData, index: number, value: Element): void {
  if (data instanceof Float32Array || data instanceof Float64Array) data[index] = Number(value);
  else if (data instanceof BigInt64Array) data[index] = typeof value === "bigint" ? value : exactInt64(value);
  else {
    const stored = typeof value === "bigint" ? Number(BigInt.asIntN(32, value)) : value;
    data[index] = stored;
    const isExact = data instanceof Int32Array ? data[index] === stored : stored === 0 || stored === 1;
    if (!isExact)
      throw new UndefinedResult(`${value} is not ${data instanceof Int32Array ? "an int32" : "a bool"}`);
  }
}

function exactInt64(value: number): bigint {
  if (!Number.isInteger(value) || value < -(2 ** 63) || value >= 2 ** 63) {
    throw new UndefinedResult(`${value} is not an int64`);
  }
  return BigInt(value);
}
