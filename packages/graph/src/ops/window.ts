import { rowMajorStrides } from "../broadcast.js";
import { reserve } from "../budget.js";
import { GraphError } from "../error.js";
import type { Attributes } from "../graph.js";
import { type Shape, sizeOf } from "../tensor.js";
import { numbersAttribute } from "./support.js";

/** A window moving over the spatial axes of `[N, C, …]`; one entry per spatial axis. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Elements added before and after each axis. */
  readonly before: readonly number[];
  readonly after: readonly number[];
}

export const spatial = (shape: Shape): Shape => shape.slice(2);

/** @throws GraphError if the operand has no spatial axis, or the attributes do not fit it. */
export function readWindow(attributes: Attributes, kernel: Shape, x: Shape): Window {
  const rank = x.length - 2;
  if (rank < 1) throw new GraphError(`takes [N, C, L], [N, C, H, W] or more axes, got [${x}]`);
  if (kernel.length !== rank) throw new GraphError(`a kernel of ${rank} sizes was expected, got [${kernel}]`);
  const [strides, dilations, pads] = ["strides", "dilations", "pads"].map((name) =>
    numbersAttribute(attributes, name),
  ) as [number[], number[], number[]];
  const positive = [kernel, strides, dilations].every(
    (sizes) => sizes.length === rank && sizes.every((size) => Number.isInteger(size) && size > 0),
  );
  if (!positive || pads.length !== 2 * rank || pads.some((count) => !Number.isInteger(count) || count < 0)) {
    throw new GraphError(
      `kernel [${kernel}], strides [${strides}], dilations [${dilations}] and pads [${pads}] do not fit [${x}]`,
    );
  }
  return { kernel, strides, dilations, before: pads.slice(0, rank), after: pads.slice(rank) };
}

/** The distance from the first to the last element that a window reads along each axis. */
export const extents = ({ kernel, dilations }: Window): number[] =>
  kernel.map((size, axis) => (dilations[axis] as number) * (size - 1) + 1);

/** The number of places of a window along each axis. @throws GraphError if it is larger than the padded operand. */
export function places(window: Window, sizes: Shape): number[] {
  return extents(window).map((extent, axis) => {
    const [size, stride] = [sizes[axis] as number, window.strides[axis] as number];
    const room = size + (window.before[axis] as number) + (window.after[axis] as number) - extent;
    if (room < 0)
      throw new GraphError(`a window of [${extents(window)}] is larger than [${sizes}] with its pads`);
    return Math.floor(room / stride) + 1;
  });
}

/**
 * The element of the operand that each element of the kernel reads at each place of the window: its index among the
 * spatial axes, -1 for padding. Kernel first, then places, both in row-major order.
 *
 * @param sizes the operand's spatial axes
 * @param out the number of places along each axis
 */
export function readingOrder(
  { kernel, strides, dilations, before }: Window,
  sizes: Shape,
  out: Shape,
): Int32Array {
  const [elements, count] = [sizeOf(kernel), sizeOf(out)];
  reserve(elements * count);
  const order = new Int32Array(elements * count);
  const steps = rowMajorStrides(kernel);
  for (let element = 0; element < elements; element++) {
    let indices: Int32Array = Int32Array.of(0);
    for (const [axis, size] of sizes.entries()) {
      const offset = Math.floor(element / (steps[axis] as number)) % (kernel[axis] as number);
      const first = offset * (dilations[axis] as number) - (before[axis] as number);
      indices = alongAxis(indices, size, out[axis] as number, first, strides[axis] as number);
    }
    order.set(indices, element * count);
  }
  return order;
}

/** Extends indices among some axes by the positions `first`, `first + stride`, … along a further axis. */
function alongAxis(
  indices: Int32Array,
  size: number,
  count: number,
  first: number,
  stride: number,
): Int32Array {
  const extended = new Int32Array(indices.length * count);
  let next = 0;
  for (const index of indices) {
    for (let place = 0; place < count; place++) {
      const position = first + place * stride;
      const isInside = index >= 0 && position >= 0 && position < size;
      extended[next++] = isInside ? index * size + position : -1;
    }
  }
  return extended;
}
