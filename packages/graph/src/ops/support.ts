import { broadcastIndices, rowMajorStrides } from "../broadcast.js";
import { GraphError, UndefinedResult } from "../error.js";
import type { Attributes } from "../graph.js";
import {
  allocate,
  type DType,
  type Element,
  elementAt,
  FLOATS,
  rounding,
  type Shape,
  sizeOf,
  type Tensor,
  type TensorType,
  write,
} from "../tensor.js";

/** Helpers shared by op files: reading attributes, checking inputs, and loops over tensors. */

export function numberAttribute(attributes: Attributes, name: string): number {
  const value = attributes[name];
  if (typeof value !== "number") throw new GraphError(`attribute ${name} must be a number`);
  return value;
}

export const optionalNumberAttribute = (attributes: Attributes, name: string): number | undefined =>
  attributes[name] === undefined ? undefined : numberAttribute(attributes, name);

export function stringAttribute(attributes: Attributes, name: string): string {
  const value = attributes[name];
  if (typeof value !== "string") throw new GraphError(`attribute ${name} must be a string`);
  return value;
}

export function numbersAttribute(attributes: Attributes, name: string): readonly number[] {
  const value = attributes[name];
  if (!Array.isArray(value)) throw new GraphError(`attribute ${name} must be a list of numbers`);
  return value as readonly number[];
}

export function expectInputs<T>(inputs: readonly T[], count: 1): readonly [T];
export function expectInputs<T>(inputs: readonly T[], count: 2): readonly [T, T];
export function expectInputs<T>(inputs: readonly T[], count: 3): readonly [T, T, T];
export function expectInputs<T>(inputs: readonly T[], count: number): readonly T[] {
  if (inputs.length !== count) throw new GraphError(`takes ${count} inputs, got ${inputs.length}`);
  return inputs;
}

/** A checked, non-negative axis. */
export function readAxis(attributes: Attributes, shape: Shape): number {
  const axis = numberAttribute(attributes, "axis");
  if (!Number.isInteger(axis) || axis < 0 || axis >= shape.length) {
    throw new GraphError(`axis ${axis} is outside shape [${shape}]`);
  }
  return axis;
}

/** A position along an axis of the given size. @throws UndefinedResult if it is outside. */
export function positionIn(size: number, index: number): number {
  if (index < 0 || index >= size)
    throw new UndefinedResult(`index ${index} is outside an axis of size ${size}`);
  return index;
}

/** Element types of arithmetic. */
export const NUMBERS: readonly DType[] = [...FLOATS, "int32", "int64"];

/** `Math.max` of bigints. */
export function larger(a: bigint, b: bigint): bigint {
  if (a > b) return a;
  return b;
}

/** The positions 0 to size − 1 along an axis, which may be a vocabulary's. */
export function positions(dtype: DType, size: number): Tensor {
  const data = allocate({ dtype, shape: [size] });
  // A loop for each type, since one that is told the type of each element takes ten times as long.
  if (data instanceof BigInt64Array) for (let index = 0; index < size; index++) data[index] = BigInt(index);
  else if (data instanceof Int32Array) for (let index = 0; index < size; index++) data[index] = index;
  else throw new GraphError(`positions are integers, not ${dtype}`);
  return { dtype, shape: [size], data };
}

/** Makes a tensor element by element, in row-major order. */
export function generate(type: TensorType, element: (index: number) => Element): Tensor {
  const data = allocate(type);
  const round = rounding(type.dtype);
  for (let index = 0; index < data.length; index++) write(data, index, round(element(index)));
  return { dtype: type.dtype, shape: type.shape, data };
}

/** Reads a tensor as if it were broadcast to `to`. */
export function broadcastReader({ data, shape }: Tensor, to: Shape): (index: number) => Element {
  const indices = broadcastIndices(shape, to);
  return (index) => elementAt(data, indices[index] as number);
}

/** A tensor cut into vectors along one axis. */
export interface Lanes {
  readonly count: number;
  readonly length: number;
  /** Flat index of element `position` of lane `lane`. */
  index(lane: number, position: number): number;
}

export function lanesAlong(axis: number, shape: Shape): Lanes {
  const length = shape[axis] as number;
  const stride = rowMajorStrides(shape)[axis] as number;
  return {
    count: length === 0 ? 0 : sizeOf(shape) / length,
    length,
    index: (lane, position) =>
      Math.floor(lane / stride) * stride * length + (lane % stride) + position * stride,
  };
}
