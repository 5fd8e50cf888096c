/** Element types, named as in NumPy. `int64` is carried in a `BigInt64Array`, `bool` as 0 and 1. */
export type DType = "float32" | "float64" | "int32" | "int64" | "bool";
export type FloatDType = Extract<DType, "float32" | "float64">;

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

export const isFloat = ({ dtype }: TensorType): boolean => dtype === "float32" || dtype === "float64";

export const formatType = ({ dtype, shape }: TensorType): string => `${dtype}[${shape.join(",")}]`;

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
} satisfies Record<DType, new (length: number) => TensorData>;

/** Storage for a tensor of this type, filled with zeros. */
export const allocate = ({ dtype, shape }: TensorType): TensorData => new ARRAYS[dtype](sizeOf(shape));

/**
 * A tensor from plain numbers, row-major.
 * @throws RangeError if the number of values does not fit the shape.
 */
export function tensor(dtype: DType, shape: Shape, values: Iterable<number>): Tensor {
  const data = allocate({ dtype, shape });
  let length = 0;
  for (const value of values) write(data, length++, value);
  if (length !== data.length) {
    throw new RangeError(`${formatType({ dtype, shape })} holds ${data.length} values, got ${length}`);
  }
  return { dtype, shape, data };
}

/** Element `index` as a number; exact for int64 up to 2^53. */
export const read = (data: TensorData, index: number): number => Number(data[index]);

/** Stores a number, rounding it to the element type. */
export function write(data: TensorData, index: number, value: number): void {
  if (data instanceof BigInt64Array) data[index] = BigInt(value);
  else data[index] = value;
}
