import { interpretStep, type StepInputs } from "@softmax-bench/core";
import { sizeOf, type Tensor } from "@softmax-bench/graph";
import {
  initialize,
  NETWORK_IDS,
  type Network,
  type NetworkId,
  network,
  Reordering,
  syntheticImages,
} from "@softmax-bench/networks";
import { distance } from "@softmax-bench/numerics";
import { describe, expect, it } from "vitest";

const BATCH = 2;

/** A step in float64, on seeded weights. */
function stepInputs(net: Network): StepInputs {
  const { pixels, labels } = syntheticImages(BATCH);
  const weights = [...initialize(net, 0)].map(([name, { data }]) => [name, data as Float64Array] as const);
  return {
    values: { images: Float64Array.from(pixels), ...Object.fromEntries(weights) },
    labels: Int32Array.from(labels),
  };
}

const stepOf = (
  net: Network,
  inputs: StepInputs,
  parameters: readonly string[] = [...net.parameters.keys()],
) => interpretStep({ method: "autograd/log-softmax", dtype: "float64", network: net, parameters }, inputs);

describe.each(NETWORK_IDS)("%s", (id) => {
  it.each([2, 4, 8, 16, 32])("has %d layers with weights, the last of which is the classifier", (depth) => {
    const { layers, parameters, outputs, inputs } = network(id, depth, BATCH, "float32");
    expect(layers).toHaveLength(depth);
    expect(layers.flatMap((layer) => layer.parameters)).toEqual([...parameters.keys()]);
    expect(layers.at(-1)?.name).toBe(`dense${depth}`);
    expect(outputs.logits?.shape).toEqual([BATCH, 10]);
    expect(inputs[0]?.shape).toEqual([BATCH, 3, 32, 32]);
  });

  it.each([2, 8])("with %d layers has, in float64, the gradient that central differences have", (depth) => {
    const net = network(id, depth, BATCH, "float64");
    const names = [...net.parameters.keys()];
    const inputs = stepInputs(net);
    const { gradients } = stepOf(net, inputs);

    const lossWith = (name: string, at: number, by: number) => {
      const moved = Float64Array.from(inputs.values[name] as Float64Array);
      moved[at] = (moved[at] as number) + by;
      return stepOf(net, { ...inputs, values: { ...inputs.values, [name]: moved } }, []).loss;
    };
    for (const name of [names[0], names[1], names[Math.floor(names.length / 2)], names.at(-2)] as string[]) {
      const gradient = Array.from(gradients[name] as Float64Array);
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
  });
});

describe("Reordering", () => {
  it.each<[NetworkId, number]>([
    ["mlp", 3],
    ["plain", 5],
    ["resnet", 8],
  ])("of a %s with %d layers changes no gradient but by rounding, and every sum", (id, depth) => {
    const net = network(id, depth, BATCH, "float64");
    const inputs = stepInputs(net);
    const reordering = new Reordering(net, 0);
    const [plain, other] = [stepOf(net, inputs), stepOf(net, reordering.apply(inputs))];
    expect(Math.abs(other.loss / plain.loss - 1)).toBeLessThan(1e-14);
    const restored = reordering.restore(other.gradients);
    for (const {
      parameters: [weight, bias],
    } of net.layers) {
      for (const name of [weight, bias]) {
        const [a, b] = [plain.gradients[name], restored[name]] as [Float64Array, Float64Array];
        expect(distance(a, b).relL2, name).toBeLessThan(1e-13);
      }
      expect(restored[weight], weight).not.toEqual(plain.gradients[weight]);
    }
  });
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
