import {
  concat,
  constant,
  convTranspose,
  expand,
  pad,
  reduceMax,
  reshape,
  type Shape,
  scalar,
  scatterElements,
  sizeOf,
  slice,
  tensor,
  type Value,
} from "@softmax-bench/graph";
import type { Reader, Readers } from "./reader.js";

/** Places blocks, the columns of x `[N, C · block, L]`, on an image, and sums where they overlap. */
const columnsToImage: Reader = (node) => {
  const x = node.input(0);
  const image = node.numbers(1) ?? node.fail("lacks an image_shape");
  const block = node.numbers(2) ?? node.fail("lacks a block_shape");
  const rank = image.length;
  const each = (name: string, otherwise: number, count = rank) =>
    node.ints(name) ?? new Array<number>(count).fill(otherwise);
  const [strides, dilations, pads] = [each("strides", 1), each("dilations", 1), each("pads", 0, 2 * rank)];
  const [images = 0, rows = 0, columns = 0] = x.shape;
  const elements = sizeOf(block);
  const channels = rows / elements;
  const room = image.map((size, axis) => {
    const extent = (dilations[axis] as number) * ((block[axis] as number) - 1) + 1;
    return size + (pads[axis] as number) + (pads[axis + rank] as number) - extent;
  });
  const places = room.map((left, axis) => Math.floor(left / (strides[axis] as number)) + 1);
  if (block.length !== rank || !Number.isInteger(channels) || sizeOf(places) !== columns)
    return node.fail(`[${x.shape}] is not made of blocks [${block}] of an image [${image}]`);
  // Each element of a block is a channel, and its filter is 1 at its place.
  const filter = new Array<number>(channels * elements * elements).fill(0);
  for (let row = 0; row < channels * elements; row++) filter[row * elements + (row % elements)] = 1;
  const rowsOfBlocks = constant(tensor(x.dtype, [channels * elements, 1, ...block], filter));
  return convTranspose(reshape(x, [images, rows, ...places]), rowsOfBlocks, undefined, {
    strides,
    dilations,
    pads,
    group: channels,
    outputPadding: room.map((left, axis) => left % (strides[axis] as number)),
  });
};

/** Puts elements at positions in the flat result, and zeros elsewhere; a given shape adds zeros at the end of its axes. */
const maxUnpool: Reader = (node) => {
  const [x, positions] = [node.input(0), node.input(1)];
  const kernel = node.ints("kernel_shape") ?? node.fail("lacks kernel_shape");
  const strides = node.ints("strides") ?? kernel.map(() => 1);
  const pads = node.ints("pads") ?? kernel.flatMap(() => [0, 0]);
  const sizes = kernel.map((size, axis) => {
    const padding = (pads[axis] as number) + (pads[axis + kernel.length] as number);
    return ((x.shape[axis + 2] as number) - 1) * (strides[axis] as number) + size - padding;
  });
  const shape = [...x.shape.slice(0, 2), ...sizes];
  const zeros = expand(scalar(0, x.dtype), [sizeOf(shape)]);
  const flat = scatterElements(
    zeros,
    reshape(positions, [sizeOf(x.shape)]),
    reshape(x, [sizeOf(x.shape)]),
    0,
    "none",
  );
  const unpooled = reshape(flat, shape);
  const wanted = node.numbers(2) ?? shape;
  const more = wanted.map((size, axis) => size - (shape[axis] as number));
  if (more.length !== shape.length || more.some((count) => count < 0))
    node.fail(`an output_shape [${wanted}] does not fit [${shape}]`);
  return pad(unpooled, [...more.map(() => 0), ...more]);
};

/** Rounds halves away from 0; ONNX Runtime computes in float32 what is rounded. */
const rounded = (value: number): number => Math.sign(value) * Math.round(Math.abs(value));

/** The start and end of each of `count` parts of the elements from `first` to `last`, within an axis. */
const partsOf = (first: number, last: number, count: number, size: number) => {
  const length = Math.max(last - first + 1, 1) / count;
  const inside = (position: number) => Math.min(Math.max(position + first, 0), size);
  return Array.from({ length: count }, (_, part) => ({
    start: inside(Math.floor(part * length)),
    end: inside(Math.ceil((part + 1) * length)),
  }));
};

/** The largest elements of parts of known regions: `[image, x1, y1, x2, y2]` each. */
const maxRoiPool: Reader = (node) => {
  const x = node.input(0);
  const regions = node.constant(1);
  const [height = 1, width = 1] = node.ints("pooled_shape") ?? node.fail("lacks pooled_shape");
  const scale = node.float("spatial_scale", 1);
  const [images = 0, channels = 0, rows = 0, columns = 0] = x.shape;
  if (regions.shape.length !== 2 || regions.shape[1] !== 5 || x.shape.length !== 4)
    node.fail(`regions [${regions.shape}] do not fit [${x.shape}]`);
  const pooled = Array.from({ length: regions.shape[0] as number }, (_, region) => {
    const [image = 0, ...corners] = Array.from(regions.data.slice(5 * region, 5 * region + 5), Number);
    if (!(Number.isInteger(image) && image >= 0 && image < images)) node.fail(`there is no image ${image}`);
    const [left = 0, top = 0, right = 0, bottom = 0] = corners.map((corner) =>
      rounded(Math.fround(corner * scale)),
    );
    const one = slice(x, 0, image, image + 1);
    const parts = partsOf(top, bottom, height, rows).flatMap((down) =>
      partsOf(left, right, width, columns).map((across) => largestIn(one, down, across)),
    );
    return reshape(concat(parts, 2), [1, channels, height, width]);
  });
  return pooled.length === 0 ? node.fail("has no regions") : concat(pooled, 0);
};

type Range = ReturnType<typeof partsOf>[number];

/** The largest element of each channel, `[1, C, 1]`; 0 if there is none. */
function largestIn(x: Value, down: Range, across: Range): Value {
  const shape: Shape = [1, x.shape[1] as number, 1];
  if (down.end <= down.start || across.end <= across.start) return expand(scalar(0, x.dtype), shape);
  const part = slice(slice(x, 2, down.start, down.end), 3, across.start, across.end);
  return reshape(reduceMax(part, { axes: [2, 3] }), shape);
}

export const UNPOOLING: Readers = {
  Col2Im: columnsToImage,
  MaxUnpool: maxUnpool,
  MaxRoiPool: maxRoiPool,
};
