import {
  type Backend,
  DTYPE_IDS,
  type Engine,
  type FloatArray,
  floatArrayFrom,
  interpretStep,
  type MethodId,
  type StepInputs,
  type StepResult,
} from "@softmax-bench/core";
import { initialize, type Network, type NetworkId, network, syntheticImages } from "@softmax-bench/networks";
import { errorNorms } from "@softmax-bench/numerics";
import { describe, expect, it } from "vitest";

/** Deep enough for every kind of layer, including strides, but cheap enough for a reference in plain JavaScript. */
const DEPTHS: Readonly<Record<NetworkId, number>> = { mlp: 4, plain: 4, resnet: 8 };
const BATCH = 2;
/** A method of each kind on the cheapest network, and on one with convolutions. */
const METHODS: Readonly<Record<NetworkId, readonly MethodId[]>> = {
  mlp: ["manual/shifted", "autograd/log-softmax"],
  plain: ["autograd/log-softmax"],
  resnet: ["manual/shifted"],
};
/** ‖error‖ / ‖gradient‖ of each parameter. */
const TOLERANCE = { float32: 2e-5, float64: 1e-13 } as const;
/** Networks are not trained in half precision. */
const TRAINED = ["float32", "float64"] as const;

/** Compares gradients of each network's training steps with those of the reference interpreter in float64. */
export function describeNetworks(backend: Backend, engineOf: () => Engine, ids: readonly NetworkId[]): void {
  describe.each(ids)("the gradients of a network: %s", (id) => {
    const cases = METHODS[id].flatMap((method) =>
      TRAINED.filter((dtype) => backend.dtypes.includes(dtype)).map((dtype) => [method, dtype] as const),
    );

    it.for(cases)("%s %s", async ([method, dtype]) => {
      const engine = engineOf();
      if (!engine.prepareStep)
        return expect.fail("the engine has no prepareStep; describe it with trains: false");
      const net = network(id, DEPTHS[id], BATCH, dtype);
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
            hi: expected.gradients[name] as Float64Array,
          });
          expect(relL2, name).toBeLessThanOrEqual(TOLERANCE[dtype]);
        }
      }
    });
  });
}

function stepInputs(net: Network): StepInputs {
  const { pixels, labels } = syntheticImages(BATCH);
  const dtype = DTYPE_IDS.find((id) => id === net.inputs[0]?.dtype) ?? "float32";
  const images = floatArrayFrom(dtype, pixels);
  const weights = [...initialize(net, 0)].map(([name, { data }]) => [name, data as Float32Array] as const);
  return { values: { images, ...Object.fromEntries(weights) }, labels: Int32Array.from(labels) };
}

const references = new Map<NetworkId, StepResult>();

/** Uses the float32 weights, which are rounded float64 weights: the inputs of a step differ by that. */
function reference(id: NetworkId): StepResult {
  const known = references.get(id);
  if (known) return known;
  const net = network(id, DEPTHS[id], BATCH, "float64");
  const parameters = [...net.parameters.keys()];
  const task = { method: "autograd/shifted-detached", dtype: "float64", network: net, parameters } as const;
  const found = interpretStep(task, stepInputs(net));
  references.set(id, found);
  return found;
}
