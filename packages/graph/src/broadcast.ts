import { reserve } from "./budget.js";
import { GraphError } from "./error.js";
import { type Shape, sizeOf } from "./tensor.js";

/**
 * The common shape of ONNX's multidirectional broadcasting (NumPy's rules).
 * @throws GraphError if two dimensions differ and neither is 1.
 */
export function broadcastShapes(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const dimA = a[axis - rank + a.length] ?? 1;
    const dimB = b[axis - rank + b.length] ?? 1;
    if (dimA !== dimB && dimA !== 1 && dimB !== 1) {
      throw new GraphError(`shapes [${a}] and [${b}] do not broadcast`);
    }
    return dimA === 1 ? dimB : dimA;
  });
}

/** Axes of `to` along which a tensor of shape `from` is repeated when it is broadcast to `to`. */
export function broadcastAxes(from: Shape, to: Shape): number[] {
  const added = to.length - from.length;
  return to.flatMap((dim, axis) => (axis < added || (from[axis - added] === 1 && dim !== 1) ? [axis] : []));
}

/** Row-major strides, in elements. */
export function rowMajorStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis] as number;
  }
  return strides;
}

/** For each element of `to`, row-major, the index of the element of `from` that is broadcast there. */
export function broadcastIndices(from: Shape, to: Shape): Uint32Array {
  const added = to.length - from.length;
  const strides = rowMajorStrides(from);
  const steps = to.map((_, axis) =>
    axis < added || from[axis - added] === 1 ? 0 : (strides[axis - added] as number),
  );
  reserve(sizeOf(to));
  const indices = new Uint32Array(sizeOf(to));
  const position = new Array<number>(to.length).fill(0);
  for (let flat = 0, source = 0; flat < indices.length; flat++) {
    indices[flat] = source;
    for (let axis = to.length - 1; axis >= 0; axis--) {
      const step = steps[axis] as number;
      const next = (position[axis] as number) + 1;
      if (next < (to[axis] as number)) {
        position[axis] = next;
        source += step;
        break;
      }
      position[axis] = 0;
      source -= step * (next - 1);
    }
  }
  return indices;
}
