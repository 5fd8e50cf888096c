import { type Backend, HOST_KINDS, probePackages, processorName } from "@softmax-bench/core";

/**
 * ONNX Runtime compiled to WebAssembly, in Node, with threads of its own. Every build that the package has uses
 * SIMD. It starts once per process: later thread counts are ignored.
 */
export const onnxruntimeWeb: Backend = {
  id: "onnxruntime-web",
  cost: { nsPerElement: 8 },
  dtypes: ["float32", "float64", "float16"],
  hosts: HOST_KINDS,

  async probe() {
    return probePackages(import.meta);
  },

  async open({ threads }) {
    const runtime = await import("onnxruntime-web");
    const { CPU_DTYPE_NOTES, forCpu, OnnxEngine } = await import("@softmax-bench/onnxruntime");
    const { env } = runtime;
    env.wasm.numThreads = threads;
    env.logLevel = "error";
    return new OnnxEngine({
      runtime,
      info: {
        engine: {
          name: "onnxruntime-web",
          version: env.versions.web ?? env.versions.common,
          code: "webassembly",
        },
        device: { kind: "cpu", name: `${processorName()}, WebAssembly` },
        threads,
        dtypes: onnxruntimeWeb.dtypes,
        settings: { SIMD: "WebAssembly" },
      },
      session: { executionProviders: ["wasm"] },
      legalize: forCpu,
      dtypeNotes: CPU_DTYPE_NOTES,
      // It has one thread, and three passes that Exp, ReduceSum and Mul do without.
      slowSoftmax: ["float64"],
      keeps: "nothing",
    });
  },
};
