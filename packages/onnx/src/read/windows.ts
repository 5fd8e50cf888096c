import type { Shape, Value, WindowOptions } from "@softmax-bench/graph";
import type { OnnxNode } from "./node.js";

interface ReadWindow {
  readonly strides: number[];
  readonly dilations: number[];
  readonly pads: number[];
}

/** Strides, dilations and pads of a convolution or pool, with `auto_pad` and `ceil_mode` written as pads. */
export function windowFrom(node: OnnxNode, x: Value, kernel: Shape): ReadWindow & Required<WindowOptions> {
  const rank = x.shape.length - 2;
  const each = (value: number) => new Array<number>(Math.max(rank, 0)).fill(value);
  const strides = node.ints("strides") ?? each(1);
  const dilations = node.ints("dilations") ?? each(1);
  const given = node.ints("pads") ?? each(0).concat(each(0));
  if ([strides, dilations, kernel].some(({ length }) => length !== rank) || given.length !== 2 * rank) {
    node.fail(
      `strides [${strides}], dilations [${dilations}], kernel [${kernel}] and pads [${given}] do not fit [${x.shape}]`,
    );
  }
  const extents = kernel.map((size, axis) => (dilations[axis] as number) * (size - 1) + 1);
  const auto = node.string("auto_pad", "NOTSET");
  if (auto === "NOTSET") return { strides, dilations, pads: given };
  if (auto === "VALID") return { strides, dilations, pads: each(0).concat(each(0)) };
  if (auto !== "SAME_UPPER" && auto !== "SAME_LOWER") node.fail(`auto_pad ${auto} is not known`);
  const missing = x.shape.slice(2).map((size, axis) => {
    const stride = strides[axis] as number;
    return Math.max((Math.ceil(size / stride) - 1) * stride + (extents[axis] as number) - size, 0);
  });
  const less = missing.map((count) => Math.floor(count / 2));
  const more = missing.map((count) => Math.ceil(count / 2));
  return { strides, dilations, pads: auto === "SAME_UPPER" ? [...less, ...more] : [...more, ...less] };
}

/** More pads at the end, where `ceil_mode` lets a last window begin inside and end outside. */
export function ceiled({ strides, dilations, pads }: ReadWindow, x: Value, kernel: Shape): ReadWindow {
  const rank = kernel.length;
  const added = kernel.map((size, axis) => {
    const [stride, length] = [strides[axis] as number, x.shape[axis + 2] as number];
    const [before, after] = [pads[axis] as number, pads[axis + rank] as number];
    const room = length + before + after - ((dilations[axis] as number) * (size - 1) + 1);
    const start = Math.ceil(room / stride) * stride;
    // A window that would begin in the pads after the operand does not count.
    return start >= length + before ? 0 : start - room;
  });
  return {
    strides,
    dilations,
    pads: pads.map((count, at) => (at < rank ? count : count + (added[at - rank] as number))),
  };
}
