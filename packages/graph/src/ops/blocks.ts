import { rowMajorStrides } from "../broadcast.js";
import { allocate, elementAt, type Shape, type Tensor, type TensorType, write } from "../tensor.js";

/** Helpers of operators that copy blocks of tensors. */

/** Copies a block of one tensor into another, shifted by `offsets` along each axis. */
export function copyInto(
  from: Tensor,
  to: { readonly data: Tensor["data"]; readonly shape: Shape },
  offsets: readonly number[],
): void {
  const [strides, targets] = [rowMajorStrides(from.shape), rowMajorStrides(to.shape)];
  for (let flat = 0; flat < from.data.length; flat++) {
    let index = 0;
    for (const [axis, stride] of strides.entries()) {
      const position = Math.floor(flat / stride) % (from.shape[axis] as number);
      index += (position + (offsets[axis] ?? 0)) * (targets[axis] as number);
    }
    write(to.data, index, elementAt(from.data, flat));
  }
}

/** A shape with another size along one axis. */
export const withSize = (shape: Shape, axis: number, size: number): Shape =>
  shape.map((dim, position) => (position === axis ? size : dim));

/** An offset along one axis, 0 along the others. */
export const offsetAlong = (shape: Shape, axis: number, offset: number): number[] =>
  shape.map((_, position) => (position === axis ? offset : 0));

/** Every `step`th element along one axis, from `start`; the type determines their number. */
export function sliceTensor(x: Tensor, type: TensorType, axis: number, start: number, step: number): Tensor {
  const data = allocate(type);
  const [from, to] = [rowMajorStrides(x.shape), rowMajorStrides(type.shape)];
  for (let flat = 0; flat < data.length; flat++) {
    let index = 0;
    for (const [position, stride] of to.entries()) {
      const along = Math.floor(flat / stride) % (type.shape[position] as number);
      index += (position === axis ? start + step * along : along) * (from[position] as number);
    }
    write(data, flat, elementAt(x.data, index));
  }
  return { dtype: type.dtype, shape: type.shape, data };
}
