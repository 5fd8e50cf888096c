import { type Backend, HOST_KINDS, probePackages, processorName } from "@softmax-bench/core";

/**
 * TensorFlow.js on its WebAssembly backend. It has threads in browsers only: at most half as many as the machine has logical cores,
 * and at most four, which is compiled into it (`init_with_threads_count`).
 */
export const tfjsWasm: Backend = {
  id: "tfjs-wasm",
  cost: { nsPerElement: 40 },
  trainsFast: true,
  dtypes: ["float32"],
  hosts: HOST_KINDS,

  async probe() {
    return probePackages(import.meta);
  },

  async open({ threads }) {
    const tf = await import("@tensorflow/tfjs-core");
    const wasm = await import("@tensorflow/tfjs-backend-wasm");
    const { TfjsEngine } = await import("@softmax-bench/tfjs");
    const hasThreads = await tf.env().getAsync("WASM_HAS_MULTITHREAD_SUPPORT");
    if (hasThreads) wasm.setThreadsCount(threads);
    if (!(await tf.setBackend("wasm"))) throw new Error("TensorFlow.js did not start its wasm backend");
    await tf.ready();
    const { registerFilterGradient } = await import("./filter-gradient.js");
    registerFilterGradient();
    const simd = await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT");
    return new TfjsEngine({
      engine: { name: "@tensorflow/tfjs-backend-wasm", version: wasm.version_wasm, code: "webassembly" },
      device: { kind: "cpu", name: `${processorName()}, WebAssembly` },
      threads: hasThreads ? wasm.getThreadsCount() : 1,
      dtypes: tfjsWasm.dtypes,
      settings: { SIMD: simd ? "WebAssembly" : "none" },
    });
  },
};
