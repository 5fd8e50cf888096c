import {
  differentiate,
  evaluate,
  input,
  sizeOf,
  softmaxCrossEntropyLoss,
  type Tensor,
  tensor,
  type Value,
} from "@softmax-bench/graph";
import {
  initialize,
  NETWORK_IDS,
  type Network,
  type NetworkId,
  network,
  syntheticImages,
} from "@softmax-bench/networks";
import { describe, expect, it } from "vitest";

const BATCH = 2;

function feedsFor(net: Network, seed = 0): Record<string, Tensor> {
  const { pixels, labels } = syntheticImages(BATCH);
  const [images] = net.inputs as readonly [Value];
  return {
    images: tensor(images.dtype, images.shape, pixels),
    labels: tensor("int64", [BATCH], labels),
    ...Object.fromEntries(initialize(net, seed)),
  };
}

describe.each(NETWORK_IDS)("%s", (id) => {
  it.each([2, 4, 8, 16, 32])("has %d layers with weights, the last of which is the classifier", (depth) => {
    const { layers, parameters, outputs, inputs } = network(id, depth, BATCH, "float32");
    expect(layers).toHaveLength(depth);
    expect(layers.flatMap((layer) => layer.parameters)).toEqual([...parameters.keys()]);
    expect(layers.at(-1)?.name).toBe(`dense${depth}`);
    expect(outputs.logits?.shape).toEqual([BATCH, 10]);
    expect(inputs[0]?.shape).toEqual([BATCH, 3, 32, 32]);
  });

  it.each([2, 8])(
    "with %d layers has, in float64, the gradient that central differences have",
    (depth) => {
      const net = network(id, depth, BATCH, "float64");
      const labels = input("labels", "int64", [BATCH]);
      const { loss } = softmaxCrossEntropyLoss(net.outputs.logits as Value, labels);
      const names = [...net.parameters.keys()];
      const gradients = differentiate(loss, [...net.parameters.values()]);
      const inputs = [...net.inputs, labels];
      const feeds = feedsFor(net);
      const forward = { name: "loss", inputs, outputs: { loss } };
      const outputs = {
        loss,
        ...Object.fromEntries(names.map((name, index) => [name, gradients[index] as Value])),
      };
      const computed = evaluate({ ...forward, outputs }, feeds);

      const lossWith = (name: string, at: number, by: number) => {
        const { data, ...type } = feeds[name] as Tensor;
        const moved = Float64Array.from(data as Float64Array);
        moved[at] = (moved[at] as number) + by;
        return Number(evaluate(forward, { ...feeds, [name]: { ...type, data: moved } }).loss?.data[0]);
      };
      for (const name of [
        names[0],
        names[1],
        names[Math.floor(names.length / 2)],
        names.at(-2),
      ] as string[]) {
        const gradient = Array.from((computed[name] as Tensor).data, Number);
        // Where the gradient is largest, rounding matters least.
        const largest = gradient.reduce(
          (most, slope, at) => (Math.abs(slope) > Math.abs(gradient[most] ?? 0) ? at : most),
          0,
        );
        const step = 1e-6;
        const expected = (lossWith(name, largest, step) - lossWith(name, largest, -step)) / (2 * step);
        expect(Math.abs((gradient[largest] ?? 0) - expected) / Math.abs(expected), name).toBeLessThanOrEqual(
          1e-6,
        );
      }
    },
    60_000,
  );
});

describe("initialize", () => {
  const weightsOf = (id: NetworkId, depth: number, dtype: "float32" | "float64", seed: number) =>
    initialize(network(id, depth, 1, dtype), seed);

  it("gives the same numbers in both dtypes, and others for another seed", () => {
    const [double, single, other] = [
      weightsOf("plain", 4, "float64", 1),
      weightsOf("plain", 4, "float32", 1),
      weightsOf("plain", 4, "float32", 2),
    ];
    for (const [name, { data }] of double) {
      expect(single.get(name)?.data).toEqual(Float32Array.from(data as Float64Array));
    }
    expect(single.get("conv1.weight")).not.toEqual(other.get("conv1.weight"));
  });

  it("has He's variance, that of the classifier's inputs for the classifier, and no biases", () => {
    const weights = weightsOf("mlp", 3, "float64", 0);
    const variance = (name: string) => {
      const { data, shape } = weights.get(name) as Tensor;
      return (data as Float64Array).reduce((sum, value) => sum + value * value, 0) / sizeOf(shape);
    };
    expect(variance("dense1.weight") * 3072).toBeCloseTo(2, 1);
    expect(variance("dense2.weight") * 64).toBeCloseTo(2, 0);
    expect(variance("dense3.weight") * 64).toBeCloseTo(1, 0);
    expect(variance("dense1.bias")).toBe(0);
  });
});

describe("network", () => {
  it.each<[NetworkId, number, string]>([
    ["mlp", 1, "a network has 2 layers or more, got 1"],
    ["plain", 2.5, "got 2.5"],
    ["resnet", 5, "a resnet has an even number of layers, got 5"],
  ])("%s has no %d layers", (id, depth, message) => {
    expect(() => network(id, depth, 1, "float32")).toThrow(RangeError);
    expect(() => network(id, depth, 1, "float32")).toThrow(message);
  });
});
