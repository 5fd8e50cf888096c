import {
  type Backend,
  type Engine,
  type FloatArray,
  type MethodId,
  methodHead,
  type StepInputs,
} from "@softmax-bench/core";
import {
  differentiate,
  evaluate,
  type FloatDType,
  inputName,
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
import { errorNorms } from "@softmax-bench/numerics";
import { describe, expect, it } from "vitest";

/** Enough for every kind of layer, and for a reference in plain JavaScript. */
const [DEPTH, BATCH] = [4, 2];
const METHODS: readonly MethodId[] = ["manual/shifted", "autograd/log-softmax"];
/** A software GPU compiles each shader at its first use. */
const TIMEOUT_MS = 60_000;
/** ‖error‖ / ‖gradient‖ of each parameter. */
const TOLERANCE: Readonly<Record<FloatDType, number>> = { float32: 2e-5, float64: 1e-13 };

/** Steps of training of each network, whose gradients are compared with those of the reference interpreter in float64. */
export function describeNetworks(backend: Backend, engineOf: () => Engine): void {
  describe.each(NETWORK_IDS)(`the gradients of a network with ${DEPTH} layers: %s`, (id) => {
    const cases = METHODS.flatMap((method) => backend.dtypes.map((dtype) => [method, dtype] as const));

    it.for(cases)("%s %s", { timeout: TIMEOUT_MS }, async ([method, dtype]) => {
      const engine = engineOf();
      // A runtime that is read for losses only has nothing to show here.
      if (!engine.prepareStep) return;
      const net = network(id, DEPTH, BATCH, dtype);
      const parameters = [...net.parameters.keys()];
      const task = { method, dtype, network: net, parameters };
      if (!engine.info.dtypes.includes(dtype)) {
        await expect(engine.prepareStep(task)).rejects.toThrow(dtype);
        return;
      }
      await using step = await engine.prepareStep(task);
      const expected = reference(id);
      for (let time = 0; time < 2; time++) {
        const { loss, gradients } = await step.run(stepInputs(net));
        expect(Math.abs(loss / expected.loss - 1)).toBeLessThanOrEqual(TOLERANCE[dtype]);
        expect(Object.keys(gradients)).toEqual(parameters);
        for (const name of parameters) {
          const { relL2 } = errorNorms(gradients[name] as FloatArray, {
            hi: expected.gradients.get(name) as Float64Array,
          });
          expect(relL2, name).toBeLessThanOrEqual(TOLERANCE[dtype]);
        }
      }
    });
  });
}

function stepInputs(net: Network): StepInputs {
  const { pixels, labels } = syntheticImages(BATCH);
  const images = net.inputs[0]?.dtype === "float64" ? Float64Array.from(pixels) : pixels;
  const weights = [...initialize(net, 0)].map(([name, { data }]) => [name, data as Float32Array] as const);
  return { values: { images, ...Object.fromEntries(weights) }, labels: Int32Array.from(labels) };
}

interface Reference {
  readonly loss: number;
  readonly gradients: ReadonlyMap<string, Float64Array>;
}
const references = new Map<NetworkId, Reference>();

/** On the weights of float32, which are those of float64 rounded: what a step in either is given differs by that. */
function reference(id: NetworkId): Reference {
  const known = references.get(id);
  if (known) return known;
  const net = network(id, DEPTH, BATCH, "float64");
  const { inputs, loss } = methodHead("autograd/shifted-detached", net.outputs.logits as Value);
  const gradients = differentiate(loss, [...net.parameters.values()]);
  const names = [...net.parameters.keys()];
  const { values, labels } = stepInputs(net);
  const feeds = net.inputs.map((value): [string, Tensor] => [
    inputName(value),
    { dtype: "float64", shape: value.shape, data: values[inputName(value)] as Float64Array },
  ]);
  const outputs = {
    loss,
    ...Object.fromEntries(names.map((name, index) => [name, gradients[index] as Value])),
  };
  const computed = evaluate(
    { name: id, inputs: [...net.inputs, ...inputs], outputs },
    { ...Object.fromEntries(feeds), labels: tensor("int64", [BATCH], labels) },
  );
  const found = {
    loss: Number(computed.loss?.data[0]),
    gradients: new Map(names.map((name) => [name, computed[name]?.data as Float64Array])),
  };
  references.set(id, found);
  return found;
}
