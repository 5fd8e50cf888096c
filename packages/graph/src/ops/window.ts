import { reserve } from "../budget.js";
import { GraphError } from "../error.js";
import type { Attributes } from "../graph.js";
import type { Shape } from "../tensor.js";
import { numbersAttribute } from "./support.js";

/** A window moving over the spatial axes of `[N, C, …]`; one entry per spatial axis, of which there are 1 or 2. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Elements added before and after each axis. */
  readonly before: readonly number[];
  readonly after: readonly number[];
}

export const spatial = (shape: Shape): Shape => shape.slice(2);

/** @throws GraphError if the operand is not `[N, C, L]` or `[N, C, H, W]`, or the attributes do not fit it. */
export function readWindow(attributes: Attributes, kernel: Shape, x: Shape): Window {
  const rank = x.length - 2;
  if (rank !== 1 && rank !== 2) throw new GraphError(`takes [N, C, L] or [N, C, H, W], got [${x}]`);
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

/** The same window over two axes; a window over one axis is a row of height 1. */
export interface PlaneWindow {
  readonly size: readonly [height: number, width: number];
  readonly kernel: readonly [height: number, width: number];
  readonly out: readonly [height: number, width: number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly before: readonly [number, number];
}

export function onPlane(window: Window, sizes: Shape, out: Shape): PlaneWindow {
  const pair = (values: readonly number[], missing: number) =>
    (values.length === 2 ? values : [missing, values[0]]) as unknown as readonly [number, number];
  return {
    size: pair(sizes, 1),
    kernel: pair(window.kernel, 1),
    out: pair(out, 1),
    strides: pair(window.strides, 1),
    dilations: pair(window.dilations, 1),
    before: pair(window.before, 0),
  };
}

/**
 * The index in a plane of the operand for each element of the kernel and, within it, each place of the window, both in
 * row-major order; -1 for padding.
 */
export function readingOrder({ size, kernel, out, strides, dilations, before }: PlaneWindow): Int32Array {
  const [height, width] = size;
  const length = kernel[0] * kernel[1] * out[0] * out[1];
  reserve(length);
  const order = new Int32Array(length);
  let next = 0;
  for (let ky = 0; ky < kernel[0]; ky++) {
    for (let kx = 0; kx < kernel[1]; kx++) {
      for (let oy = 0; oy < out[0]; oy++) {
        const y = oy * strides[0] + ky * dilations[0] - before[0];
        for (let ox = 0; ox < out[1]; ox++) {
          const x = ox * strides[1] + kx * dilations[1] - before[1];
          const inside = y >= 0 && y < height && x >= 0 && x < width;
          order[next++] = inside ? y * width + x : -1;
        }
      }
    }
  }
  return order;
}
