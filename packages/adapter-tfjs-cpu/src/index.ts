import { type Backend, HOST_KINDS, probePackages, processorName } from "@softmax-bench/core";

/** TensorFlow.js on its plain JavaScript kernels: what every other backend has to beat. */
export const tfjsCpu: Backend = {
  id: "tfjs-cpu",
  cost: { nsPerElement: 300, mostElements: 1e6, mostElementsInGate: 0.3e6 },
  dtypes: ["float32"],
  hosts: HOST_KINDS,

  async probe() {
    return probePackages(import.meta, { webAssembly: false });
  },

  async open() {
    const tf = await import("@tensorflow/tfjs-core");
    const { version_cpu } = await import("@tensorflow/tfjs-backend-cpu");
    const { TfjsEngine } = await import("@softmax-bench/tfjs");
    if (!(await tf.setBackend("cpu"))) throw new Error("TensorFlow.js did not start its cpu backend");
    return new TfjsEngine({
      engine: { name: "@tensorflow/tfjs-backend-cpu", version: version_cpu, code: "javascript" },
      device: { kind: "cpu", name: `${processorName()}, JavaScript` },
      threads: 1,
      dtypes: tfjsCpu.dtypes,
      settings: { SIMD: "none" },
    });
  },
};
