import type { Node } from "@softmax-bench/graph";
import * as tf from "@tensorflow/tfjs-core";
import { numbers, requireInput } from "./support.js";

/** Convolutions and pools: ONNX has `[N, C, H, W]` or `[N, C, L]`, TensorFlow.js `[N, H, W, C]`. */

type Pair = [number, number];

/** Treats one spatial axis as the width of rows of height 1. */
const pair = (values: readonly number[], missing: number): Pair =>
  (values.length === 1 ? [missing, values[0]] : values) as Pair;

const onPlane = (x: tf.Tensor): tf.Tensor4D => (x.rank === 3 ? tf.expandDims(x, 2) : x) as tf.Tensor4D;

const channelsLast = (x: tf.Tensor): tf.Tensor4D => tf.transpose(onPlane(x), [0, 2, 3, 1]) as tf.Tensor4D;

const channelsFirst = (node: Node, y: tf.Tensor): tf.Tensor =>
  tf.reshape(tf.transpose(y, [0, 3, 1, 2]), [...(node.outputs[0]?.shape ?? [])]);

/** Pads the operand itself: no mode of TensorFlow.js supports different pads before and after. */
function padded(node: Node, x: tf.Tensor4D, value: number): tf.Tensor4D {
  const pads = numbers(node, "pads");
  const half = pads.length / 2;
  const [before, after] = [pair(pads.slice(0, half), 0), pair(pads.slice(half), 0)];
  if (pads.every((count) => count === 0)) return x;
  return tf.pad(
    x,
    [
      [0, 0],
      [before[0], after[0]],
      [before[1], after[1]],
      [0, 0],
    ],
    value,
  );
}

/** Splits groups, which TensorFlow.js lacks, into separate convolutions. */
export function conv(node: Node, inputs: readonly tf.Tensor[]): tf.Tensor {
  requireWindow(node);
  const [x, filter, bias] = [requireInput(node, inputs[0]), requireInput(node, inputs[1]), inputs[2]];
  const strides = pair(numbers(node, "strides"), 1);
  const group = Number(node.attributes.group);
  const operand = padded(node, channelsLast(x), 0);
  // [M, C/group, H, W] to [H, W, C/group, M].
  const filters = tf.transpose(onPlane(filter), [2, 3, 1, 0]) as tf.Tensor4D;
  const convolve = (of: tf.Tensor4D, by: tf.Tensor4D) => tf.conv2d(of, by, strides, "valid");
  const parts = (of: tf.Tensor4D) => tf.split(of, group, 3) as tf.Tensor4D[];
  const grouped = () => {
    const own = parts(filters);
    return tf.concat(
      parts(operand).map((part, index) => convolve(part, own[index] as tf.Tensor4D)),
      3,
    );
  };
  const y = group === 1 ? convolve(operand, filters) : grouped();
  return channelsFirst(node, bias ? tf.add(y, bias) : y);
}

/**
 * True for windows over one or two axes that are not dilated: TensorFlow.js has no gradients of dilated ones, and on few
 * backends kernels for three axes.
 */
export const hasWindow = ({ dilations }: Node["attributes"]): boolean => {
  const perAxis = dilations as readonly number[];
  return perAxis.length <= 2 && perAxis.every((dilation) => dilation === 1);
};

function requireWindow({ op, attributes }: Node): void {
  if (!hasWindow(attributes)) throw new Error(`${op} is supported over one or two axes, without dilations`);
}

export function maxPool(node: Node, inputs: readonly tf.Tensor[]): tf.Tensor {
  requireWindow(node);
  const x = padded(node, channelsLast(requireInput(node, inputs[0])), Number.NEGATIVE_INFINITY);
  const [kernel, strides] = [pair(numbers(node, "kernel_shape"), 1), pair(numbers(node, "strides"), 1)];
  return channelsFirst(node, tf.maxPool(x, kernel, strides, "valid"));
}
