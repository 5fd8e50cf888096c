import { conv, type FloatDType, gemm, input, type Shape, type Value } from "@softmax-bench/graph";

/** One layer with weights, by the names of its parameters. */
export interface Layer {
  readonly name: string;
  readonly parameters: readonly string[];
}

/** Makes layers, and keeps count of them and of their parameters. */
export class Layers {
  readonly dtype: FloatDType;
  readonly list: Layer[] = [];
  /** Inputs of the graph, by name. */
  readonly parameters = new Map<string, Value>();

  constructor(dtype: FloatDType) {
    this.dtype = dtype;
  }

  /** 3×3 filters, padded by 1: x `[N, C, H, W]` → `[N, channels, H/stride, W/stride]`. */
  conv(x: Value, channels: number, stride = 1): Value {
    const [filter, bias] = this.#layer("conv", [channels, x.shape[1] as number, 3, 3]);
    return conv(x, filter, bias, { pads: [1, 1, 1, 1], strides: [stride, stride] });
  }

  /** x `[N, F]` → `[N, features]`. */
  dense(x: Value, features: number): Value {
    const [weight, bias] = this.#layer("dense", [features, x.shape[1] as number]);
    return gemm(x, weight, bias, { transB: true });
  }

  #layer(kind: string, shape: readonly [outputs: number, ...number[]]): readonly [Value, Value] {
    const name = `${kind}${this.list.length + 1}`;
    const [weight, bias] = [
      this.#parameter(`${name}.weight`, shape),
      this.#parameter(`${name}.bias`, [shape[0]]),
    ];
    this.list.push({ name, parameters: [`${name}.weight`, `${name}.bias`] });
    return [weight, bias];
  }

  #parameter(name: string, shape: Shape): Value {
    const value = input(name, this.dtype, shape);
    this.parameters.set(name, value);
    return value;
  }
}
