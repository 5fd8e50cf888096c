import type { Attributes, Value } from "../graph.js";
import type { OpDefinition } from "../op.js";
import { FLOATS, type Shape, sizeOf, type TensorType } from "../tensor.js";
import {
  add,
  conv,
  convTranspose,
  gather,
  indices,
  matMul,
  pad,
  reshape,
  transpose,
} from "../vocabulary/index.js";
import {
  addBias,
  biasGradient,
  channels,
  checkOperands,
  doubles,
  filterGradient,
  forEachChannelPair,
  toWindowOptions,
  zeros,
} from "./channels.js";
import { numberAttribute } from "./support.js";
import { extents, places, readingOrder, readWindow, spatial } from "./window.js";

function inferConv(operands: readonly TensorType[], attributes: Attributes): TensorType {
  const [x, filter] = operands as [TensorType, TensorType];
  const group = numberAttribute(attributes, "group");
  const [outputs = 0, perGroup = 0] = filter?.shape ?? [];
  checkOperands(operands, { group, outputs, inputs: perGroup * group });
  const window = readWindow(attributes, spatial(filter.shape), x.shape);
  return {
    dtype: x.dtype,
    shape: [x.shape[0] as number, outputs, ...places(window, spatial(x.shape))],
  };
}

/**
 * ONNX `Conv` (a cross-correlation) over any number of spatial axes: X `[N, C, …]`, W `[M, C/group, …]` and, optionally, B
 * `[M]` → `[N, M, …]`. Attributes: `strides`, `dilations`, one per axis; `pads`, first before and then after each axis;
 * `group`.
 */
export const Conv: OpDefinition = {
  name: "Conv",
  dtypes: FLOATS,
  infer: (inputs, attributes) => [inferConv(inputs, attributes)],
  evaluate: ([x, filter, bias], attributes, [type]) => {
    if (!x || !filter || !type) return [];
    const window = readWindow(attributes, spatial(filter.shape), x.shape);
    const order = readingOrder(window, spatial(x.shape), spatial(type.shape));
    const [ofX, ofFilter, sums] = [doubles(x), doubles(filter), zeros(type)];
    const [plane, size] = [sizeOf(spatial(x.shape)), sizeOf(spatial(type.shape))];
    const kernel = sizeOf(window.kernel);
    const perGroup = channels(filter);
    const counts = { images: x.shape[0] as number, inputs: channels(x), outputs: channels(type) };
    forEachChannelPair(
      { ...counts, group: numberAttribute(attributes, "group") },
      (input, output, inputOfGroup, outputOfAll) => {
        for (let k = 0; k < kernel; k++) {
          const weight = ofFilter[(outputOfAll * perGroup + inputOfGroup) * kernel + k] as number;
          for (let place = 0; place < size; place++) {
            const at = order[k * size + place] as number;
            if (at >= 0)
              (sums[output * size + place] as number) += weight * (ofX[input * plane + at] as number);
          }
        }
      },
    );
    return addBias(sums, type, bias);
  },
  gradient: ({ inputs: [x, filter, bias], attributes, upstream: [upstream] }) => {
    if (!x || !filter || !upstream) return [];
    const options = toWindowOptions(attributes);
    const window = readWindow(attributes, spatial(filter.shape), x.shape);
    const isPoint =
      options.group === 1 &&
      [...window.kernel, ...window.strides, ...options.pads.map((pad) => pad + 1)].every(
        (size) => size === 1,
      );
    // The elements that the last window does not reach.
    const outputPadding = extents(window).map((extent, axis) => {
      const [before, after] = [window.before[axis] as number, window.after[axis] as number];
      const reached = (spatial(upstream.shape)[axis] as number) - 1;
      return (
        (spatial(x.shape)[axis] as number) +
        before +
        after -
        extent -
        reached * (window.strides[axis] as number)
      );
    });
    return [
      isPoint
        ? conv(upstream, transpose(filter, [1, 0, ...window.kernel.map((_, axis) => axis + 2)]))
        : convTranspose(upstream, filter, undefined, { ...options, outputPadding }),
      filterGradient(x, upstream, window, options.group),
      ...(bias ? [biasGradient(upstream)] : []),
    ];
  },
  body: convByProduct,
};

/** The product of the filter with all windows as columns (im2col), for runtimes without a kernel. */
function convByProduct([x, filter, bias]: readonly Value[], attributes: Attributes): readonly Value[] {
  if (!x || !filter) return [];
  const group = numberAttribute(attributes, "group");
  const { shape } = inferConv([x, filter], attributes);
  const [images = 0, outputs = 0] = shape;
  const window = readWindow(attributes, spatial(filter.shape), x.shape);
  const padded = pad(x, [0, 0, ...window.before, 0, 0, ...window.after]);
  const none = window.before.map(() => 0);
  const order = readingOrder({ ...window, before: none }, spatial(padded.shape), spatial(shape));
  const flat = reshape(padded, [images, channels(x), sizeOf(spatial(padded.shape))]);
  const [perGroup, kernel, size] = [channels(filter), sizeOf(window.kernel), sizeOf(spatial(shape))];
  const columns = reshape(gather(flat, indices([kernel, size], order), 2), [
    ...[images, group, perGroup * kernel, size],
  ]);
  const rows = reshape(filter, [1, group, outputs / group, perGroup * kernel]);
  const y = reshape(matMul(rows, columns), shape);
  return [bias ? add(y, perChannel(bias, shape)) : y];
}

const perChannel = (bias: Value, { length }: Shape): Value =>
  reshape(bias, [1, bias.shape[0] as number, ...new Array<number>(length - 2).fill(1)]);
