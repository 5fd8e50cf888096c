import {
  evaluate,
  type FloatDType,
  legalize,
  optimize,
  type Tensor,
  tensor,
  type Value,
} from "@softmax-bench/graph";
import {
  type Images,
  initialize,
  loadImages,
  type Network,
  network,
  syntheticImages,
} from "@softmax-bench/networks";
import { errorNorms } from "@softmax-bench/numerics";
import { gradientName, ONNXRUNTIME_CPU, serializeBatched, trainingGraph } from "@softmax-bench/onnx";
import { InferenceSession, Tensor as RuntimeTensor } from "onnxruntime-node";
import { beforeAll, describe, expect, it } from "vitest";
import { runModel } from "./support.js";
import { tapeGradients } from "./tape.js";

/** Of CIFAR-10 where `CIFAR10_DIR` says where it is. */
let images: Images;
beforeAll(async () => {
  const directory = process.env.CIFAR10_DIR;
  const options = { directory, say: () => {}, signal: new AbortController().signal };
  images = directory ? await loadImages(256, options) : syntheticImages(256);
});

/** A residual network: nine convolutions and a classifier. */
const deep = (dtype: FloatDType, batch: number) => network("resnet", 10, batch, dtype);
const shallow = (dtype: FloatDType, batch: number) => network("plain", 3, batch, dtype);

function feedsFor(net: Network, from = 0): Record<string, Tensor> {
  const [x] = net.inputs as readonly [Value];
  const [batch = 0] = x.shape;
  const size = images.pixels.length / images.labels.length;
  return {
    images: tensor(x.dtype, x.shape, images.pixels.subarray(from * size, (from + batch) * size)),
    labels: tensor("int64", [batch], images.labels.subarray(from, from + batch)),
    ...Object.fromEntries(initialize(net, 0)),
  };
}

/** ‖a − b‖ / ‖b‖ */
const relativeL2 = (a: Float32Array | Float64Array, b: Float32Array | Float64Array): number =>
  errorNorms(a, { hi: Float64Array.from(b) }).relL2;

const modelOf = (make: (dtype: FloatDType, batch: number) => Network, dtype: FloatDType): Uint8Array =>
  serializeBatched((batch) =>
    legalize(optimize(trainingGraph(make(dtype, batch)), { fold: false }), ONNXRUNTIME_CPU),
  );

describe("the gradients of a residual network with ten layers, on ONNX Runtime", () => {
  const BATCH = 2;

  it("are those of TensorFlow.js's tape within 1e-5, in float32", { tags: "nightly" }, async () => {
    const net = deep("float32", BATCH);
    const { outputs: own, inputs } = trainingGraph(net);
    const feeds = feedsFor(net);
    const outputs = await runModel(modelOf(deep, "float32"), feeds);
    const taped = await tapeGradients(own.loss as Value, [...net.parameters.values()], feeds, inputs);
    for (const name of net.parameters.keys()) {
      const gradient = outputs[gradientName(name)]?.data as Float32Array;
      expect(relativeL2(gradient, taped[name] as Float32Array), name).toBeLessThanOrEqual(1e-5);
    }
  });

  it("are those of the reference interpreter within 1e-12, in float64", async () => {
    const net = deep("float64", BATCH);
    const feeds = feedsFor(net);
    const outputs = await runModel(modelOf(deep, "float64"), feeds);
    const expected = evaluate(trainingGraph(net), feeds);
    for (const name of net.parameters.keys()) {
      const [own, reference] = [outputs, expected].map((of) => of[gradientName(name)]?.data as Float64Array);
      expect(relativeL2(own as Float64Array, reference as Float64Array), name).toBeLessThanOrEqual(1e-12);
    }
  });
});

describe("training with nothing but the exported graph in ONNX Runtime", () => {
  const [BATCH, RATE] = [4, 0.05];

  /** The losses of each step. */
  async function expectSameSteps(steps: number): Promise<[own: number, other: number][]> {
    const net = shallow("float32", BATCH);
    const graph = trainingGraph(net);
    const [own, other] = [feedsFor(net), feedsFor(net)];
    const session = await InferenceSession.create(modelOf(shallow, "float32"));
    const curves: [own: number, other: number][] = [];
    for (let step = 0; step < steps; step++) {
      const { images: pixels, labels } = feedsFor(net, (step * BATCH) % 64);
      Object.assign(own, { images: pixels, labels });
      Object.assign(other, { images: pixels, labels });
      const fed = session.inputNames.map((name) => {
        const { dtype, data, shape } = own[name] as Tensor;
        return [name, new RuntimeTensor(dtype as "float32", data as Float32Array, shape)] as const;
      });
      const outputs = await session.run(Object.fromEntries(fed));
      const parameters = [...net.parameters.values()];
      const taped = await tapeGradients(graph.outputs.loss as Value, parameters, other, graph.inputs);
      curves.push([Number(outputs.loss?.data[0]), Number(taped.loss?.[0])]);
      for (const name of net.parameters.keys()) {
        own[name] = descended(own[name] as Tensor, outputs[gradientName(name)]?.data as Float32Array, RATE);
        other[name] = descended(other[name] as Tensor, taped[name] as Float32Array, RATE);
      }
    }
    await session.release();
    for (const [step, [a, b]] of curves.entries()) {
      expect(Math.abs(a - b) / b, `step ${step}`).toBeLessThanOrEqual(1e-3);
    }
    return curves;
  }

  it("goes step for step as TensorFlow.js does", async () => {
    expect(await expectSameSteps(2)).toHaveLength(2);
  });

  it("lowers the loss in 50 steps", { tags: "nightly" }, async () => {
    const curves = await expectSameSteps(50);
    const mean = (of: readonly [number, number][]) => of.reduce((sum, [loss]) => sum + loss, 0) / of.length;
    expect(mean(curves.slice(-10))).toBeLessThan(mean(curves.slice(0, 10)) - 0.05);
  });
});

const descended = (parameter: Tensor, gradient: Float32Array, rate: number): Tensor => ({
  ...parameter,
  data: (parameter.data as Float32Array).map((value, index) => value - rate * (gradient[index] as number)),
});
