import type { Value } from "../graph.js";
import { apply } from "../op.js";

/** The movement of a window over the spatial axes; one number per axis. */
export interface WindowOptions {
  /** Steps between windows. Default: 1. */
  readonly strides?: readonly number[] | undefined;
  /** Elements before each axis, then those after each. Default: 0. */
  readonly pads?: readonly number[] | undefined;
  /** Distances between a window's elements. Default: 1. */
  readonly dilations?: readonly number[] | undefined;
}

const windowAttributes = ({ shape }: Value, { strides, pads, dilations }: WindowOptions) => {
  const each = (value: number, times = 1) =>
    new Array<number>(times * Math.max(shape.length - 2, 0)).fill(value);
  return { strides: strides ?? each(1), pads: pads ?? each(0, 2), dilations: dilations ?? each(1) };
};

export interface ConvOptions extends WindowOptions {
  /** The number of groups into which the channels of operand and filter are divided. Default: 1. */
  readonly group?: number;
}

/** Cross-correlation: x `[N, C, …]`, filter `[M, C/group, …]`, bias `[M]` → `[N, M, …]`. */
export const conv = (
  x: Value,
  filter: Value,
  bias?: Value,
  { group = 1, ...window }: ConvOptions = {},
): Value => apply("Conv", [x, filter, ...(bias ? [bias] : [])], { ...windowAttributes(x, window), group });

export interface ConvTransposeOptions extends ConvOptions {
  /** Elements added after each axis of the result. Default: 0. */
  readonly outputPadding?: readonly number[];
}

/** The adjoint of `conv`: x `[N, C, …]`, filter `[C, M/group, …]`, bias `[M]` → `[N, M, …]`. */
export const convTranspose = (
  x: Value,
  filter: Value,
  bias?: Value,
  { group = 1, outputPadding, ...window }: ConvTransposeOptions = {},
): Value =>
  apply("ConvTranspose", [x, filter, ...(bias ? [bias] : [])], {
    ...windowAttributes(x, window),
    group,
    output_padding: outputPadding ?? new Array<number>(Math.max(x.shape.length - 2, 0)).fill(0),
  });

/** The largest element of each window of the given size along each spatial axis of `[N, C, …]`. */
export const maxPool = (x: Value, kernel: readonly number[], window: WindowOptions = {}): Value =>
  apply("MaxPool", [x], { kernel_shape: kernel, ...windowAttributes(x, window) });

export interface AveragePoolOptions extends WindowOptions {
  /** True if padding counts as elements. Default: false. */
  readonly countIncludePad?: boolean;
}

/** The mean of each window. */
export const averagePool = (
  x: Value,
  kernel: readonly number[],
  { countIncludePad = false, ...window }: AveragePoolOptions = {},
): Value =>
  apply("AveragePool", [x], {
    kernel_shape: kernel,
    ...windowAttributes(x, window),
    count_include_pad: Number(countIncludePad),
  });

/** The mean over all spatial axes of `[N, C, …]`, which are kept with size 1. */
export const globalAveragePool = (x: Value): Value => apply("GlobalAveragePool", [x]);
