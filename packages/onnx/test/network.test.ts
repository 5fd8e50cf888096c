import {
  add,
  conv,
  evaluate,
  type FloatDType,
  flatten,
  gemm,
  globalAveragePool,
  input,
  leakyRelu,
  legalize,
  maxPool,
  optimize,
  relu,
  type Shape,
  sizeOf,
  type Tensor,
  tensor,
  type Value,
} from "@softmax-bench/graph";
import {
  gradientName,
  ONNXRUNTIME_CPU,
  type ReadGraph,
  serializeBatched,
  trainingGraph,
} from "@softmax-bench/onnx";
import { InferenceSession, Tensor as RuntimeTensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { images } from "./cifar.js";
import { runModel } from "./support.js";
import { tapeGradients } from "./tape.js";

/** Layers on CIFAR images, and the parameters that they make on the way. */
class Network {
  readonly parameters = new Map<string, Value>();
  readonly #dtype: FloatDType;

  constructor(dtype: FloatDType) {
    this.#dtype = dtype;
  }

  graph(batch: number, layers: (x: Value) => Value): ReadGraph {
    const x = input("images", this.#dtype, [batch, 3, 32, 32]);
    const logits = layers(x);
    return {
      ...{ name: "network", inputs: [x, ...this.parameters.values()], outputs: { logits } },
      parameters: this.parameters,
    };
  }

  conv(x: Value, channels: number, stride = 1): Value {
    const from = x.shape[1] as number;
    const [filter, bias] = [this.#parameter([channels, from, 3, 3]), this.#parameter([channels])];
    return conv(x, filter, bias, { pads: [1, 1, 1, 1], strides: [stride, stride] });
  }

  dense(x: Value, classes: number): Value {
    const features = x.shape[1] as number;
    return gemm(x, this.#parameter([classes, features]), this.#parameter([classes]), { transB: true });
  }

  #parameter(shape: Shape): Value {
    const name = `p${this.parameters.size}`;
    const value = input(name, this.#dtype, shape);
    this.parameters.set(name, value);
    return value;
  }
}

/** Nine layers with parameters, a residual, a pool: what gradients have to come back through. */
function deep(dtype: FloatDType, batch: number): ReadGraph {
  const network = new Network(dtype);
  return network.graph(batch, (x) => {
    const first = relu(network.conv(x, 8));
    const pooled = maxPool(relu(network.conv(first, 8)), [2, 2], { strides: [2, 2] });
    const narrow = leakyRelu(network.conv(pooled, 16, 2), 0.125);
    const residual = add(narrow, network.conv(relu(network.conv(narrow, 16)), 16));
    const deeper = relu(network.conv(relu(network.conv(relu(residual), 24, 2)), 24));
    return network.dense(flatten(globalAveragePool(relu(network.conv(deeper, 24)))), 10);
  });
}

function shallow(dtype: FloatDType, batch: number): ReadGraph {
  const network = new Network(dtype);
  return network.graph(batch, (x) => {
    const features = relu(network.conv(relu(network.conv(x, 8, 2)), 16, 2));
    return network.dense(flatten(globalAveragePool(features)), 10);
  });
}

/** He et al. 2015: normal weights with a variance of 2 / fan-in, here from a sum of uniform ones; biases of 0.01. */
function initial({ shape, dtype }: Value, seed: number): Tensor {
  const fanIn = sizeOf(shape.slice(1));
  let state = seed * 2654435761 + 1;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const normal = () => Array.from({ length: 12 }, uniform).reduce((sum, value) => sum + value, -6);
  const element = () => (shape.length === 1 ? 0.01 : normal() * Math.sqrt(2 / fanIn));
  return tensor(dtype, shape, Array.from({ length: sizeOf(shape) }, element));
}

function feedsFor(graph: ReadGraph, from: number): Record<string, Tensor> {
  const [x] = graph.inputs as readonly [Value];
  const [batch = 0] = x.shape;
  const { pixels, labels } = images(from + batch);
  const size = sizeOf(x.shape.slice(1));
  return {
    images: tensor(x.dtype, x.shape, pixels.subarray(from * size, (from + batch) * size)),
    labels: tensor("int64", [batch], labels.subarray(from, from + batch)),
    ...Object.fromEntries(
      [...graph.parameters].map(([name, value], index) => [name, initial(value, index + 1)]),
    ),
  };
}

/** ‖a − b‖ / ‖b‖ */
function relativeL2(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [difference, size] = [0, 0];
  for (let index = 0; index < b.length; index++) {
    difference += ((a[index] as number) - (b[index] as number)) ** 2;
    size += (b[index] as number) ** 2;
  }
  return Math.sqrt(difference / size);
}

const modelOf = (network: (dtype: FloatDType, batch: number) => ReadGraph, dtype: FloatDType): Uint8Array =>
  serializeBatched((batch) =>
    legalize(optimize(trainingGraph(network(dtype, batch)), { fold: false }), ONNXRUNTIME_CPU),
  );

describe("the gradients of a convolutional network with nine layers, on ONNX Runtime", () => {
  const BATCH = 4;

  it("are those of TensorFlow.js's tape within 1e-5, in float32", async () => {
    const network = deep("float32", BATCH);
    const graph = trainingGraph(network);
    const feeds = feedsFor(network, 0);
    const outputs = await runModel(modelOf(deep, "float32"), feeds);
    const taped = await tapeGradients(
      graph.outputs.loss as Value,
      [...network.parameters.values()],
      feeds,
      graph.inputs,
    );
    for (const name of network.parameters.keys()) {
      const gradient = taped[name] as Float32Array;
      const own = outputs[gradientName(name)]?.data as Float32Array;
      expect(relativeL2(own, gradient), name).toBeLessThanOrEqual(1e-5);
    }
  }, 60_000);

  it("are those of the reference interpreter within 1e-12, in float64", async () => {
    const network = deep("float64", BATCH);
    const graph = trainingGraph(network);
    const feeds = feedsFor(network, 0);
    const outputs = await runModel(modelOf(deep, "float64"), feeds);
    const expected = evaluate(graph, feeds);
    for (const name of network.parameters.keys()) {
      const [own, reference] = [outputs, expected].map((of) => of[gradientName(name)]?.data as Float64Array);
      expect(relativeL2(own as Float64Array, reference as Float64Array), name).toBeLessThanOrEqual(1e-12);
    }
  }, 60_000);
});

describe("training with nothing but the exported graph in ONNX Runtime", () => {
  const [BATCH, STEPS, RATE] = [8, 50, 0.1];

  it("lowers the loss in 50 steps, step for step as TensorFlow.js does", async () => {
    const network = shallow("float32", BATCH);
    const graph = trainingGraph(network);
    const names = [...network.parameters.keys()];
    const start = feedsFor(network, 0);
    const [own, other] = [{ ...start }, { ...start }];
    const session = await InferenceSession.create(modelOf(shallow, "float32"));
    const curves: [own: number, other: number][] = [];
    for (let step = 0; step < STEPS; step++) {
      const { images: pixels, labels } = feedsFor(network, (step * BATCH) % 256);
      Object.assign(own, { images: pixels, labels });
      Object.assign(other, { images: pixels, labels });
      const fed = session.inputNames.map((name) => {
        const { dtype, data, shape } = own[name] as Tensor;
        return [name, new RuntimeTensor(dtype as "float32", data as Float32Array, shape)] as const;
      });
      const outputs = await session.run(Object.fromEntries(fed));
      const taped = await tapeGradients(
        graph.outputs.loss as Value,
        [...network.parameters.values()],
        other,
        graph.inputs,
      );
      curves.push([Number(outputs.loss?.data[0]), Number(taped.loss?.[0])]);
      for (const name of names) {
        own[name] = descended(own[name] as Tensor, outputs[gradientName(name)]?.data as Float32Array, RATE);
        other[name] = descended(other[name] as Tensor, taped[name] as Float32Array, RATE);
      }
    }
    await session.release();
    for (const [step, [a, b]] of curves.entries()) {
      expect(Math.abs(a - b) / b, `step ${step}`).toBeLessThanOrEqual(1e-3);
    }
    const mean = (of: readonly [number, number][]) => of.reduce((sum, [loss]) => sum + loss, 0) / of.length;
    expect(mean(curves.slice(-10))).toBeLessThan(mean(curves.slice(0, 10)) - 0.05);
  }, 240_000);
});

const descended = (parameter: Tensor, gradient: Float32Array, rate: number): Tensor => ({
  ...parameter,
  data: (parameter.data as Float32Array).map((value, index) => value - rate * (gradient[index] as number)),
});
