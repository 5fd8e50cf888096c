import { type FloatArray, type StepInputs, type StepResult, uniformSource } from "@softmax-bench/core";
import type { Channels } from "./layers.js";
import type { Network } from "./networks.js";

/** The order of a tensor's elements: `order[i]` is the original position of element i of the reordered tensor. */
type Order = Uint32Array;

/**
 * The same network in another order: examples, classes, features of every layer and, as the image is square, rows and
 * columns are exchanged. In exact arithmetic the loss is the same, and so are the restored gradients; in floating point
 * every sum is computed in another order.
 */
export class Reordering {
  /** The order of each input of the network, by name. */
  readonly #orders = new Map<string, Order>();
  readonly #examples: Order;
  readonly #classes: Order;

  constructor({ layers, inputs, parameters }: Network, seed: number) {
    const orders = new ChannelOrders(seed);
    for (const {
      parameters: [weight, bias],
      inputs: from,
      outputs: to,
    } of layers) {
      const [, , ...window] = parameters.get(weight)?.shape ?? [];
      const [outputs, features] = [orders.of(to), orders.of(from)];
      this.#orders.set(weight, outer(outputs, outer(features, transposed(window))));
      this.#orders.set(bias, outputs);
    }
    const [images] = inputs;
    const [batch = 0, channels = 0, ...plane] = images?.shape ?? [];
    this.#examples = orders.of({ size: batch });
    this.#classes = orders.of((layers.at(-1) as Network["layers"][number]).outputs);
    const first = layers[0] as Network["layers"][number];
    const pixels = orders.of(first.inputs);
    // The features of a dense layer are all values of an image; those of a convolution are its channels.
    const image = first.inputs.size === channels ? outer(pixels, transposed(plane)) : pixels;
    this.#orders.set("images", outer(this.#examples, image));
  }

  /** Reorders a step on the same network, images and labels. */
  apply({ values, labels }: StepInputs): StepInputs {
    const places = Int32Array.from(this.#classes);
    for (const [at, from] of this.#classes.entries()) places[from] = at;
    return {
      values: mapped(values, (name, array) => {
        const order = this.#order(name);
        return array.map((_, at) => array[order[at] as number] as number);
      }),
      labels: Int32Array.from(this.#examples, (from) => places[labels[from] as number] as number),
    };
  }

  /** Returns the gradients of such a step in the original order. */
  restore(gradients: StepResult["gradients"]): StepResult["gradients"] {
    return mapped(gradients, (name, array) => {
      const restored = array.slice();
      for (const [at, from] of this.#order(name).entries()) restored[from] = array[at] as number;
      return restored;
    });
  }

  #order(name: string): Order {
    const order = this.#orders.get(name);
    if (!order) throw new Error(`the network has no input ${name}`);
    return order;
  }
}

const mapped = (
  arrays: Readonly<Record<string, FloatArray>>,
  of: (name: string, array: FloatArray) => FloatArray,
): Record<string, FloatArray> =>
  Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, of(name, array)]));

/** A random order for each kind of channels. */
class ChannelOrders {
  readonly #seed: number;
  readonly #orders = new Map<Channels, Order>();

  constructor(seed: number) {
    this.#seed = seed;
  }

  of(channels: Channels): Order {
    const known = this.#orders.get(channels);
    if (known) return known;
    const first = channels.first ? this.of(channels.first) : new Uint32Array();
    const rest = shuffled(channels.size - first.length, `reordering/${this.#orders.size}`, this.#seed);
    const order = Uint32Array.from([...first, ...rest.map((at) => at + first.length)]);
    this.#orders.set(channels, order);
    return order;
  }
}

/** 0 … size − 1 in random order (Fisher and Yates; Durstenfeld 1964). */
function shuffled(size: number, name: string, seed: number): Order {
  const order = Uint32Array.from({ length: size }, (_, at) => at);
  const uniform = uniformSource(name, seed);
  for (let at = size - 1; at > 0; at--) {
    const other = Math.floor(uniform() * (at + 1));
    [order[at], order[other]] = [order[other] as number, order[at] as number];
  }
  return order;
}

/** Exchanges rows and columns of a square; other shapes stay as they are. */
function transposed([height = 1, width = 1]: readonly number[]): Order {
  return Uint32Array.from(
    { length: height * width },
    (_, at) => (at % height) * width + Math.floor(at / height),
  );
}

/** Combines an order of blocks and an order of their elements. */
const outer = (blocks: Order, elements: Order): Order =>
  Uint32Array.from({ length: blocks.length * elements.length }, (_, at) => {
    const block = blocks[Math.floor(at / elements.length)] as number;
    return block * elements.length + (elements[at % elements.length] as number);
  });
