import { conv, type FloatDType, gemm, input, type Shape, type Value } from "@softmax-bench/graph";

/** Features whose order is arbitrary: the network is the same in any other order. */
export interface Channels {
  readonly size: number;
  /** Channels that come first in these, in their own order, if a shortcut joins both. */
  readonly first?: Channels;
}

/** One layer with weights. */
export interface Layer {
  readonly name: string;
  /** Names of its weight `[outputs, inputs, …]` and its bias `[outputs]`. */
  readonly parameters: readonly [weight: string, bias: string];
  readonly inputs: Channels;
  readonly outputs: Channels;
}

/** Creates layers, and counts them and their parameters. */
export class Layers {
  readonly dtype: FloatDType;
  readonly list: Layer[] = [];
  /** Inputs of the graph, by name. */
  readonly parameters = new Map<string, Value>();

  constructor(dtype: FloatDType) {
    this.dtype = dtype;
  }

  /** 3×3 filters, padded by 1: x `[N, inputs, H, W]` → `[N, outputs, H/stride, W/stride]`. */
  conv(x: Value, inputs: Channels, outputs: Channels, stride = 1): Value {
    const [filter, bias] = this.#layer("conv", inputs, outputs, [3, 3]);
    return conv(x, filter, bias, { pads: [1, 1, 1, 1], strides: [stride, stride] });
  }

  /** A dense layer: x `[N, inputs]` → `[N, outputs]`. */
  dense(x: Value, inputs: Channels, outputs: Channels): Value {
    const [weight, bias] = this.#layer("dense", inputs, outputs, []);
    return gemm(x, weight, bias, { transB: true });
  }

  #layer(kind: string, inputs: Channels, outputs: Channels, window: Shape): readonly [Value, Value] {
    const name = `${kind}${this.list.length + 1}`;
    const parameters = [`${name}.weight`, `${name}.bias`] as const;
    this.list.push({ name, parameters, inputs, outputs });
    return [
      this.#parameter(parameters[0], [outputs.size, inputs.size, ...window]),
      this.#parameter(parameters[1], [outputs.size]),
    ];
  }

  #parameter(name: string, shape: Shape): Value {
    const value = input(name, this.dtype, shape);
    this.parameters.set(name, value);
    return value;
  }
}
