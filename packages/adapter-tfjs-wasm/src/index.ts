import { cpus } from "node:os";
import { type Backend, probePackage } from "@softmax-bench/core";

/** TensorFlow.js on its WebAssembly backend. In Node it computes on one thread. */
export const tfjsWasm: Backend = {
  id: "tfjs-wasm",
  cost: { nsPerElement: 40 },
  trainsFast: true,
  dtypes: ["float32"],

  async probe() {
    return probePackage("@tensorflow/tfjs-backend-wasm", () =>
      import.meta.resolve("@tensorflow/tfjs-backend-wasm"),
    );
  },

  async open() {
    const tf = await import("@tensorflow/tfjs-core");
    const { version_wasm } = await import("@tensorflow/tfjs-backend-wasm");
    const { TfjsEngine } = await import("@softmax-bench/tfjs");
    if (!(await tf.setBackend("wasm"))) throw new Error("TensorFlow.js did not start its wasm backend");
    await tf.ready();
    const { registerFilterGradient } = await import("./filter-gradient.js");
    registerFilterGradient();
    const simd = await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT");
    return new TfjsEngine({
      engine: { name: "@tensorflow/tfjs-backend-wasm", version: version_wasm, code: "webassembly" },
      device: { kind: "cpu", name: `${cpus()[0]?.model.trim()}, WebAssembly` },
      threads: 1,
      dtypes: tfjsWasm.dtypes,
      settings: { SIMD: simd ? "WebAssembly" : "none" },
    });
  },
};
