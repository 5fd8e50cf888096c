import { GraphError } from "../error.js";
import type { Attributes, Value } from "../graph.js";
import { allocate, sizeOf, type Tensor, type TensorType, write } from "../tensor.js";
import { conv, gemm, reduceSum, reshape, slice, transpose } from "../vocabulary/index.js";
import { numberAttribute, numbersAttribute } from "./support.js";
import { extents, spatial, type Window } from "./window.js";

/** Helpers shared by `Conv` and its adjoint `ConvTranspose`. */

/** Converts window attributes to the names of the vocabulary. */
export const toWindowOptions = (attributes: Attributes) => ({
  strides: numbersAttribute(attributes, "strides"),
  pads: numbersAttribute(attributes, "pads"),
  dilations: numbersAttribute(attributes, "dilations"),
  group: numberAttribute(attributes, "group"),
});

export const channels = ({ shape }: TensorType): number => shape[1] as number;

/** The operands of both operators; `perGroup` names the filter's axis that has one entry per channel of a group. */
export function checkOperands(
  [x, filter, bias, ...others]: readonly TensorType[],
  { group, outputs, inputs }: { readonly group: number; readonly outputs: number; readonly inputs: number },
): void {
  if (!x || !filter || others.length > 0) throw new GraphError("takes 2 or 3 inputs");
  if (filter.dtype !== x.dtype || (bias && bias.dtype !== x.dtype)) {
    throw new GraphError(`operands must have one dtype, got ${x.dtype} and ${filter.dtype}`);
  }
  if (filter.shape.length !== x.shape.length) {
    throw new GraphError(`a filter of rank ${x.shape.length} was expected, got [${filter.shape}]`);
  }
  if (channels(x) !== inputs || outputs % group !== 0 || inputs % group !== 0) {
    throw new GraphError(`${channels(x)} channels do not fit a filter [${filter.shape}] of ${group} groups`);
  }
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== outputs)) {
    throw new GraphError(`a bias [${outputs}] was expected, got [${bias.shape}]`);
  }
}

export const doubles = ({ data }: Tensor): Float64Array =>
  data instanceof Float64Array ? data : Float64Array.from(data as Float32Array);

/** Zeros for accumulating sums in double precision. */
export const zeros = ({ shape }: TensorType): Float64Array =>
  allocate({ dtype: "float64", shape }) as Float64Array;

/** Adds a bias per channel, and rounds once to the type. */
export function addBias(sums: Float64Array, type: TensorType, bias: Tensor | undefined): readonly Tensor[] {
  const plane = sizeOf(spatial(type.shape));
  const data = allocate(type);
  const offsets = bias && doubles(bias);
  for (let index = 0; index < sums.length; index++) {
    const offset = offsets ? (offsets[Math.floor(index / plane) % channels(type)] as number) : 0;
    write(data, index, (sums[index] as number) + offset);
  }
  return [{ dtype: type.dtype, shape: type.shape, data }];
}

/** Visits each pair of an input and an output channel of each image and group, by their number in the whole batch. */
export function forEachChannelPair(
  { images, group, inputs, outputs }: Record<"images" | "group" | "inputs" | "outputs", number>,
  visit: (input: number, output: number, inputOfGroup: number, outputOfAll: number) => void,
): void {
  const [insideIn, insideOut] = [inputs / group, outputs / group];
  for (let image = 0; image < images; image++) {
    for (let output = 0; output < outputs; output++) {
      const first = Math.floor(output / insideOut) * insideIn;
      for (let c = 0; c < insideIn; c++) {
        visit(image * inputs + first + c, image * outputs + output, c, output);
      }
    }
  }
}

export const biasGradient = (upstream: Value): Value =>
  reduceSum(upstream, { axes: [...upstream.shape.keys()].filter((axis) => axis !== 1) });

/** The gradient with respect to the filter, for `x` and the gradient with respect to the convolution of it. */
export function filterGradient(x: Value, upstream: Value, window: Window, group: number): Value {
  const sizes = [...window.kernel, ...[...window.before, ...window.after].map((pad) => pad + 1)];
  const isPoint = group === 1 && sizes.every((size) => size === 1);
  return isPoint ? pointGradient(x, upstream, window) : correlation(x, upstream, window, group);
}

/** A product of two matrices, for a filter of one element for each pair of channels: the columns are places of all images. */
function pointGradient(x: Value, upstream: Value, { strides }: Window): Value {
  const read = strides.reduce((value, step, axis) => {
    const last = ((spatial(upstream.shape)[axis] as number) - 1) * step;
    return slice(value, axis + 2, 0, last + 1, step);
  }, x);
  const byChannel = (value: Value) => {
    const count = channels(value);
    const perImage = reshape(value, [value.shape[0] as number, count, sizeOf(spatial(value.shape))]);
    return reshape(transpose(perImage, [1, 0, 2]), [count, sizeOf(value.shape) / count]);
  };
  const product = gemm(byChannel(upstream), byChannel(read), undefined, { transB: true });
  return reshape(product, [...product.shape, ...strides.map(() => 1)]);
}

/**
 * A convolution of the same operand with the upstream gradient as the filter, with images and channels swapped, and strides
 * and dilations swapped.
 */
function correlation(x: Value, upstream: Value, window: Window, group: number): Value {
  const { kernel } = window;
  const { value: read, after } = withoutUnread(x, upstream, window);
  const [images = 0, inputs = 0] = read.shape;
  const [insideIn, axes] = [inputs / group, [...kernel.keys()]];
  const grouped = reshape(read, [images, group, insideIn, ...spatial(read.shape)]);
  const byChannel = transpose(grouped, [2, 1, 0, ...axes.map((axis) => axis + 3)]);
  const exchange = [1, 0, ...axes.map((axis) => axis + 2)];
  const correlated = conv(
    reshape(byChannel, [insideIn, group * images, ...spatial(read.shape)]),
    transpose(upstream, exchange),
    undefined,
    {
      strides: window.dilations,
      dilations: window.strides,
      group,
      pads: [...window.before, ...after],
    },
  );
  const cut = kernel.reduce((value, size, axis) => slice(value, axis + 2, 0, size), correlated);
  return transpose(cut, exchange);
}

/** The operand, and its padding after each axis, up to the last element that a window reads. */
function withoutUnread(
  x: Value,
  upstream: Value,
  window: Window,
): { value: Value; after: readonly number[] } {
  let value = x;
  const after = extents(window).map((extent, axis) => {
    const [before, pads] = [window.before[axis] as number, window.after[axis] as number];
    const size = x.shape[axis + 2] as number;
    const read = ((upstream.shape[axis + 2] as number) - 1) * (window.strides[axis] as number) + extent;
    const needed = Math.max(read - before, 1);
    if (needed < size) value = slice(value, axis + 2, 0, needed);
    return Math.min(Math.max(needed - size, 0), pads);
  });
  return { value, after };
}
