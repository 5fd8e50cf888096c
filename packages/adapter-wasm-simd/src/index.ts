import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { type Backend, probePackage } from "@softmax-bench/core";
import { METHODS } from "./methods.js";

/** This project's own kernel: how fast a gradient written by hand can be in JavaScript's world. */
export const wasmSimd: Backend = {
  id: "wasm-simd",
  cost: { nsPerElement: 2 },
  dtypes: ["float32", "float64"],
  methods: METHODS,

  async probe() {
    return probePackage(PACKAGE, () => import.meta.resolve(PACKAGE));
  },

  async open({ threads }) {
    const { SoftmaxKernel } = await import("@softmax-bench/wasm-simd");
    const { WasmSimdEngine } = await import("./engine.js");
    const kernel = await SoftmaxKernel.start({ threads: Math.min(threads, SoftmaxKernel.MAX_THREADS) });
    return new WasmSimdEngine(
      {
        engine: { name: PACKAGE, version: installedVersion(), code: "webassembly" },
        device: { kind: "cpu", name: `${cpus()[0]?.model.trim()}, WebAssembly` },
        threads: kernel.threads,
        dtypes: wasmSimd.dtypes,
        settings: {
          SIMD: `WebAssembly, 128 bits${kernel.instructions === "relaxed-simd" ? ", relaxed" : ""}`,
        },
      },
      kernel,
    );
  },
};

const PACKAGE = "@softmax-bench/wasm-simd";

function installedVersion(): string {
  const manifest = new URL("../package.json", import.meta.resolve(PACKAGE));
  return JSON.parse(readFileSync(manifest, "utf8")).version;
}
