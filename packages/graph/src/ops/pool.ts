import { GraphError } from "../error.js";
import { type Attributes, constant } from "../graph.js";
import type { OpDefinition } from "../op.js";
import { allocate, FLOATS, read, sizeOf, type TensorType, tensor, write } from "../tensor.js";
import { conv, expand, mul, reduceMean, reshape, scalar, scatterElements } from "../vocabulary/index.js";
import { composite } from "./composite.js";
import { expectInputs, numberAttribute, numbersAttribute } from "./support.js";
import { places, readingOrder, readWindow, spatial } from "./window.js";

function inferPool(inputs: readonly TensorType[], attributes: Attributes): TensorType {
  const [x] = expectInputs(inputs, 1);
  const window = readWindow(attributes, numbersAttribute(attributes, "kernel_shape"), x.shape);
  const pads = [...window.before, ...window.after];
  if (pads.some((count, at) => count >= (window.kernel[at % window.kernel.length] as number))) {
    throw new GraphError(`pads [${pads}] must be smaller than the kernel [${window.kernel}]`);
  }
  return { dtype: x.dtype, shape: [...x.shape.slice(0, 2), ...places(window, spatial(x.shape))] };
}

/**
 * ONNX `MaxPool`: the largest element of each window and its place among all elements of X (int64, row-major). Among
 * equal ones, the first is chosen and receives the gradient, as in PyTorch and TensorFlow.
 */
export const MaxPool: OpDefinition = {
  name: "MaxPool",
  dtypes: FLOATS,
  infer: (inputs, attributes) => {
    const type = inferPool(inputs, attributes);
    return [type, { dtype: "int64", shape: type.shape }];
  },
  evaluate: ([x], attributes, [type, chosenType]) => {
    if (!x || !type || !chosenType) return [];
    const window = readWindow(attributes, numbersAttribute(attributes, "kernel_shape"), x.shape);
    const order = readingOrder(window, spatial(x.shape), spatial(type.shape));
    const [plane, size] = [sizeOf(spatial(x.shape)), sizeOf(spatial(type.shape))];
    const [largest, chosen] = [allocate(type), allocate(chosenType)];
    for (let index = 0; index < largest.length; index++) {
      const start = Math.floor(index / size) * plane;
      let [value, from] = [Number.NEGATIVE_INFINITY, -1];
      for (let at = index % size; at < order.length; at += size) {
        const offset = order[at] as number;
        if (offset < 0) continue;
        const element = read(x.data, start + offset);
        if (from < 0 || element > value) [value, from] = [element, start + offset];
      }
      write(largest, index, value);
      write(chosen, index, from);
    }
    return [
      { dtype: type.dtype, shape: type.shape, data: largest },
      { dtype: "int64", shape: type.shape, data: chosen },
    ];
  },
  gradient: ({ inputs: [x], outputs: [, chosen], upstream: [upstream] }) => {
    if (!x || !chosen || !upstream) return [];
    const zeros = expand(scalar(0, x.dtype), [sizeOf(x.shape)]);
    const flat = [sizeOf(upstream.shape)];
    return [
      reshape(scatterElements(zeros, reshape(chosen, flat), reshape(upstream, flat), 0, "add"), x.shape),
    ];
  },
};

/**
 * ONNX `AveragePool`: the mean of each window, over its elements inside X or, with attribute `count_include_pad`, over
 * all. It is a convolution of each channel with ones, divided by their number.
 */
export const AveragePool = composite(
  "AveragePool",
  (inputs, attributes) => [inferPool(inputs, attributes)],
  ([x], attributes) => {
    if (!x) return [];
    const window = readWindow(attributes, numbersAttribute(attributes, "kernel_shape"), x.shape);
    const { shape } = inferPool([x], attributes);
    const [kernel, sizes] = [sizeOf(window.kernel), spatial(shape)];
    const order = readingOrder(window, spatial(x.shape), sizes);
    const all = numberAttribute(attributes, "count_include_pad") === 1;
    const counts = new Array<number>(sizeOf(sizes)).fill(all ? kernel : 0);
    if (!all)
      for (const [at, from] of order.entries()) if (from >= 0) (counts[at % counts.length] as number)++;
    const shares = tensor(
      x.dtype,
      [1, 1, ...sizes],
      counts.map((count) => 1 / count),
    );
    const ones = tensor(x.dtype, [1, 1, ...window.kernel], new Array<number>(kernel).fill(1));
    const images = (shape[0] as number) * (shape[1] as number);
    const sums = conv(reshape(x, [images, 1, ...spatial(x.shape)]), constant(ones), undefined, {
      strides: window.strides,
      dilations: window.dilations,
      pads: [...window.before, ...window.after],
    });
    return [reshape(mul(sums, constant(shares)), shape)];
  },
);

/** ONNX `GlobalAveragePool`: the mean over all spatial axes, which are kept. */
export const GlobalAveragePool = composite(
  "GlobalAveragePool",
  (inputs) => {
    const [x] = expectInputs(inputs, 1);
    if (x.shape.length < 3) throw new GraphError(`takes [N, C, …], got [${x.shape}]`);
    return [{ dtype: x.dtype, shape: x.shape.map((size, axis) => (axis < 2 ? size : 1)) }];
  },
  ([x]) => (x ? [reduceMean(x, { axes: [...x.shape.keys()].slice(2), keepdims: true })] : []),
);
