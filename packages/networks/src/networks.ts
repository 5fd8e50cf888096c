import {
  add,
  type FloatDType,
  flatten,
  type Graph,
  globalAveragePool,
  input,
  mul,
  pad,
  relu,
  scalar,
  slice,
  type Value,
} from "@softmax-bench/graph";
import { type Channels, type Layer, Layers } from "./layers.js";

export const NETWORK_IDS = ["mlp", "plain", "resnet"] as const;
export type NetworkId = (typeof NETWORK_IDS)[number];

/** Classes of CIFAR-10. */
export const CLASSES = 10;
/** Channels, height and width of its images. */
export const IMAGE_SHAPE = [3, 32, 32] as const;

/** A network as a graph: inputs `images` `[N, 3, 32, 32]` and the parameters, output `logits` `[N, 10]`. */
export interface Network extends Graph {
  readonly id: NetworkId;
  /** Layers with weights. */
  readonly depth: number;
  /** The layers from the images to the logits. */
  readonly layers: readonly Layer[];
  readonly parameters: ReadonlyMap<string, Value>;
}

/** Width of the hidden layers of the multilayer perceptron. */
const HIDDEN = 64;
/** Channels of the three stages of a convolutional network; each but the first halves height and width. */
const WIDTHS = [8, 16, 32] as const;

/** Values and the order of their features, axis 1. */
interface Features {
  readonly x: Value;
  readonly channels: Channels;
}

/** Adds `count` layers to the images. */
type Body = (layers: Layers, images: Value, count: number) => Features;

const mlp: Body = (layers, images, count) => {
  let x = flatten(images);
  let channels: Channels = { size: x.shape[1] as number };
  for (let layer = 0; layer < count; layer++) {
    const hidden = { size: HIDDEN };
    x = relu(layers.dense(x, channels, hidden));
    channels = hidden;
  }
  return { x, channels };
};

/** The stage of a convolution, given the number of convolutions. */
const stageIndex = (layer: number, count: number): number => Math.floor((layer * WIDTHS.length) / count);

const plain: Body = (layers, images, count) => {
  let x = images;
  let channels: Channels = { size: IMAGE_SHAPE[0] };
  for (let layer = 0; layer < count; layer++) {
    const stage = stageIndex(layer, count);
    const stride = layer > 0 && stage > stageIndex(layer - 1, count) ? 2 : 1;
    const next = { size: WIDTHS[stage] as number };
    x = relu(layers.conv(x, channels, next, stride));
    channels = next;
  }
  return { x: flatten(globalAveragePool(x)), channels };
};

/**
 * He et al. 2016 for CIFAR, without normalisation: one convolution, then blocks of two. A block adds the result of its
 * convolutions, scaled by 1/√blocks so that sums do not grow with depth, to its operand. If a block halves the image,
 * the operand is subsampled and padded with channels of zeros (option A).
 */
const resnet: Body = (layers, images, count) => {
  const blocks = (count - 1) / 2;
  let channels: Channels = { size: WIDTHS[0] };
  let x = relu(layers.conv(images, { size: IMAGE_SHAPE[0] }, channels));
  const share = scalar(1 / Math.sqrt(Math.max(blocks, 1)), layers.dtype);
  for (let block = 0; block < blocks; block++) {
    const stage = stageIndex(block, blocks);
    const stride = block > 0 && stage > stageIndex(block - 1, blocks) ? 2 : 1;
    const size = WIDTHS[stage] as number;
    const [inner, next] = [{ size }, size === channels.size ? channels : { size, first: channels }];
    const branch = layers.conv(relu(layers.conv(x, channels, inner, stride)), inner, next);
    x = relu(add(shortcut(x, size, stride), mul(branch, share)));
    channels = next;
  }
  return { x: flatten(globalAveragePool(x)), channels };
};

function shortcut(x: Value, width: number, stride: number): Value {
  const subsampled =
    stride === 1
      ? x
      : [2, 3].reduce((value, axis) => slice(value, axis, 0, value.shape[axis] as number, stride), x);
  const missing = width - (x.shape[1] as number);
  return missing === 0 ? subsampled : pad(subsampled, [0, 0, 0, 0, 0, missing, 0, 0]);
}

const BODIES: Readonly<Record<NetworkId, Body>> = { mlp, plain, resnet };

/**
 * @param depth layers with weights, including the classifier; for `resnet`, an even number
 * @throws RangeError if there is no such network
 */
export function network(id: NetworkId, depth: number, batch: number, dtype: FloatDType): Network {
  if (!Number.isInteger(depth) || depth < 2)
    throw new RangeError(`a network has 2 layers or more, got ${depth}`);
  if (id === "resnet" && depth % 2 !== 0) {
    throw new RangeError(`a resnet has an even number of layers, got ${depth}`);
  }
  const layers = new Layers(dtype);
  const images = input("images", dtype, [batch, ...IMAGE_SHAPE]);
  const { x, channels } = BODIES[id](layers, images, depth - 1);
  const logits = layers.dense(x, channels, { size: CLASSES });
  return {
    id,
    depth,
    name: `${id}-${depth}`,
    layers: layers.list,
    parameters: layers.parameters,
    inputs: [images, ...layers.parameters.values()],
    outputs: { logits },
  };
}
