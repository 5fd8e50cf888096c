import type { Shape, Value, WindowOptions } from "@softmax-bench/graph";
import type { OnnxNode } from "./node.js";

interface ReadWindow {
  readonly strides: number[];
  readonly dilations: number[];
  readonly pads: number[];
}

/** Strides, dilations and pads of a convolution or pool, with `auto_pad` written as pads. */
export function windowFrom(node: OnnxNode, x: Value, kernel: Shape): ReadWindow & Required<WindowOptions> {
  const { strides, dilations, pads } = givenWindow(node, x, kernel);
  const auto = readAutoPad(node);
  if (auto === "NOTSET") return { strides, dilations, pads };
  if (auto === "VALID") return { strides, dilations, pads: pads.map(() => 0) };
  const missing = x.shape.slice(2).map((size, axis) => {
    const [stride, dilation] = [strides[axis] as number, dilations[axis] as number];
    const extent = dilation * ((kernel[axis] as number) - 1) + 1;
    return Math.max((Math.ceil(size / stride) - 1) * stride + extent - size, 0);
  });
  return { strides, dilations, pads: splitPads(missing, auto) };
}

/**
 * Strides, dilations, pads and output padding of a transposed convolution. `output_shape`, or the size times the stride
 * for an `auto_pad` of SAME, determines how much of the result the pads remove, or that one more element follows it.
 */
export function transposedWindowFrom(
  node: OnnxNode,
  x: Value,
  kernel: Shape,
): ReadWindow & { readonly outputPadding: readonly number[] } {
  const { strides, dilations, pads } = givenWindow(node, x, kernel);
  const outputPadding = node.ints("output_padding") ?? kernel.map(() => 0);
  const auto = readAutoPad(node);
  const [sizes, shape] = [x.shape.slice(2), node.ints("output_shape")];
  if (!shape && auto === "NOTSET") {
    return { strides, dilations, pads, outputPadding };
  }
  if (!shape && auto === "VALID") return { strides, dilations, pads: pads.map(() => 0), outputPadding };
  const wanted = shape?.slice(-sizes.length) ?? sizes.map((size, axis) => size * (strides[axis] as number));
  const surplus = sizes.map((size, axis) => {
    const extent = (dilations[axis] as number) * ((kernel[axis] as number) - 1) + 1;
    const whole = (strides[axis] as number) * (size - 1) + (outputPadding[axis] ?? 0) + extent;
    return whole - (wanted[axis] as number);
  });
  if (surplus.some((count) => !(count >= -1))) node.fail(`its windows do not reach an output of [${wanted}]`);
  const taken = surplus.map((count) => Math.max(count, 0));
  return {
    strides,
    dilations,
    pads: splitPads(taken, auto),
    outputPadding: outputPadding.map((count, axis) => count + (surplus[axis] === -1 ? 1 : 0)),
  };
}

function givenWindow(node: OnnxNode, x: Value, kernel: Shape): ReadWindow {
  const rank = x.shape.length - 2;
  const each = (value: number) => new Array<number>(Math.max(rank, 0)).fill(value);
  const strides = node.ints("strides") ?? each(1);
  const dilations = node.ints("dilations") ?? each(1);
  const pads = node.ints("pads") ?? each(0).concat(each(0));
  if ([strides, dilations, kernel].some(({ length }) => length !== rank) || pads.length !== 2 * rank) {
    node.fail(
      `strides [${strides}], dilations [${dilations}], kernel [${kernel}] and pads [${pads}] do not fit [${x.shape}]`,
    );
  }
  return { strides, dilations, pads };
}

const AUTO_PADS = ["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"] as const;
type AutoPad = (typeof AUTO_PADS)[number];

function readAutoPad(node: OnnxNode): AutoPad {
  const given = node.string("auto_pad", "NOTSET");
  return AUTO_PADS.find((known) => known === given) ?? node.fail(`auto_pad ${given} is not known`);
}

/** Splits pads between both ends of each axis. SAME_UPPER puts an odd one at the end, the others at the start. */
function splitPads(counts: readonly number[], auto: AutoPad): number[] {
  const less = counts.map((count) => Math.floor(count / 2));
  const more = counts.map((count) => Math.ceil(count / 2));
  return auto === "SAME_UPPER" ? [...less, ...more] : [...more, ...less];
}

/** Adds pads at the end if `ceil_mode` lets a last window begin inside and end outside. */
export function applyCeilMode({ strides, dilations, pads }: ReadWindow, x: Value, kernel: Shape): ReadWindow {
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
