import { GraphError } from "../error.js";
import type { Attributes, Value } from "../graph.js";
import type { OpDefinition } from "../op.js";
import { FLOATS, sizeOf, type TensorType } from "../tensor.js";
import { conv, gather, indices, pad, reshape, slice, transpose } from "../vocabulary/index.js";
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
import { spreadOut } from "./slice.js";
import { numberAttribute, numbersAttribute } from "./support.js";
import { extents, readingOrder, readWindow, spatial } from "./window.js";

function inferConvTranspose(operands: readonly TensorType[], attributes: Attributes): TensorType {
  const [x, filter] = operands as [TensorType, TensorType];
  const group = numberAttribute(attributes, "group");
  const [inputs = 0, perGroup = 0] = filter?.shape ?? [];
  const outputs = perGroup * group;
  checkOperands(operands, { group, outputs, inputs });
  const window = readWindow(attributes, spatial(filter.shape), x.shape);
  const more = numbersAttribute(attributes, "output_padding");
  const sizes = extents(window).map((extent, axis) => {
    const reached = ((spatial(x.shape)[axis] as number) - 1) * (window.strides[axis] as number);
    const pads = (window.before[axis] as number) + (window.after[axis] as number);
    return reached + extent - pads + (more[axis] as number);
  });
  if (more.length !== sizes.length || more.some((size) => size < 0) || sizes.some((size) => size < 1)) {
    throw new GraphError(`pads and output_padding [${more}] leave a result of [${sizes}]`);
  }
  return { dtype: x.dtype, shape: [x.shape[0] as number, outputs, ...sizes] };
}

/**
 * ONNX `ConvTranspose`, the adjoint of `Conv`: X `[N, C, …]`, W `[C, M/group, …]` and, optionally, B `[M]` →
 * `[N, M, …]`. Attribute `output_padding` adds elements after each axis of the result.
 */
export const ConvTranspose: OpDefinition = {
  name: "ConvTranspose",
  dtypes: FLOATS,
  infer: (inputs, attributes) => [inferConvTranspose(inputs, attributes)],
  evaluate: ([x, filter, bias], attributes, [type]) => {
    if (!x || !filter || !type) return [];
    const window = readWindow(attributes, spatial(filter.shape), x.shape);
    const order = readingOrder(window, spatial(type.shape), spatial(x.shape));
    const [ofX, ofFilter, sums] = [doubles(x), doubles(filter), zeros(type)];
    const [plane, size] = [sizeOf(spatial(type.shape)), sizeOf(spatial(x.shape))];
    const kernel = sizeOf(window.kernel);
    const perGroup = channels(filter);
    const counts = { images: x.shape[0] as number, inputs: channels(type), outputs: channels(x) };
    forEachChannelPair(
      { ...counts, group: numberAttribute(attributes, "group") },
      (output, input, outputOfGroup, inputOfAll) => {
        for (let k = 0; k < kernel; k++) {
          const weight = ofFilter[(inputOfAll * perGroup + outputOfGroup) * kernel + k] as number;
          for (let place = 0; place < size; place++) {
            const at = order[k * size + place] as number;
            if (at >= 0)
              (sums[output * plane + at] as number) += weight * (ofX[input * size + place] as number);
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
    const correlated = conv(upstream, filter, undefined, options);
    // Output padding larger than a stride makes room for further places.
    const ofX = spatial(x.shape).reduce((value, size, axis) => slice(value, axis + 2, 0, size), correlated);
    return [
      ofX,
      filterGradient(upstream, x, window, options.group),
      ...(bias ? [biasGradient(upstream)] : []),
    ];
  },
  body: transposedConv,
};

/** A convolution of the operand, with zeros between its elements, with the flipped filter. */
function transposedConv([x, filter, bias]: readonly Value[], attributes: Attributes): readonly Value[] {
  if (!x || !filter) return [];
  const { shape } = inferConvTranspose([x, filter], attributes);
  const group = numberAttribute(attributes, "group");
  const window = readWindow(attributes, spatial(filter.shape), x.shape);
  const [inputs = 0, perGroup = 0] = filter.shape;
  const axes = [...window.kernel.keys()];
  // The result may extend beyond the reach of the filter, or end before it.
  const room = extents(window).map((extent, axis) => {
    const before = extent - 1 - (window.before[axis] as number);
    const spread = ((spatial(x.shape)[axis] as number) - 1) * (window.strides[axis] as number) + 1;
    return { before, after: (spatial(shape)[axis] as number) + extent - 1 - spread - before };
  });
  const apart = axes.reduce((value, axis) => {
    const step = window.strides[axis] as number;
    const size = value.shape[axis + 2] as number;
    return step === 1 ? value : slice(spreadOut(value, axis + 2, step), axis + 2, 0, (size - 1) * step + 1);
  }, x);
  // Padded first: the result may have no element that a window reaches.
  const padded = pad(apart, [
    ...[0, 0, ...room.map(({ before }) => Math.max(before, 0))],
    ...[0, 0, ...room.map(({ after }) => Math.max(after, 0))],
  ]);
  const cut = axes.reduce((value, axis) => {
    const { before, after } = room[axis] as { before: number; after: number };
    const size = value.shape[axis + 2] as number;
    return slice(value, axis + 2, Math.max(-before, 0), size - Math.max(-after, 0));
  }, padded);

  const turned = axes.reduce((value, axis) => {
    const size = window.kernel[axis] as number;
    const backwards = Array.from({ length: size }, (_, index) => size - 1 - index);
    return size === 1 ? value : gather(value, indices([size], backwards), axis + 2);
  }, filter);
  const grouped = reshape(turned, [group, inputs / group, perGroup, ...window.kernel]);
  const exchanged = transpose(grouped, [0, 2, 1, ...axes.map((axis) => axis + 3)]);
  const filters = reshape(exchanged, [group * perGroup, inputs / group, ...window.kernel]);
  return [conv(cut, filters, bias, { dilations: window.dilations, group })];
}
