import {
  type Backend,
  DTYPE_IDS,
  FAITHFUL,
  HOST_KINDS,
  installedVersion,
  probePackages,
  processorName,
} from "@softmax-bench/core";
import { METHODS } from "./methods.js";
import { setWideVectors } from "./wide-vectors.js";

/** This project's own kernel: how fast a gradient written by hand can be in JavaScript's world. */
export const wasmSimd: Backend = {
  id: "wasm-simd",
  cost: { nsPerElement: 2 },
  dtypes: DTYPE_IDS,
  hosts: HOST_KINDS,
  kernels: { ...FAITHFUL, widensHalf: true },
  methods: METHODS,

  async probe() {
    return probePackages(import.meta);
  },

  async open({ threads }) {
    const { SoftmaxKernel } = await import("@softmax-bench/wasm-simd");
    const { WasmSimdEngine } = await import("./engine.js");
    const flag = setWideVectors();
    const kernel = await SoftmaxKernel.start({ threads: Math.min(threads, SoftmaxKernel.MAX_THREADS) });
    return new WasmSimdEngine(
      {
        engine: {
          name: PACKAGE,
          version: installedVersion(PACKAGE, import.meta),
          code: "webassembly",
        },
        device: { kind: "cpu", name: `${processorName()}, WebAssembly` },
        threads: kernel.threads,
        dtypes: wasmSimd.dtypes,
        settings: {
          SIMD: `WebAssembly, ${flag ? 256 : 128} bits${kernel.instructions === "relaxed-simd" ? ", relaxed" : ""}`,
          ...(flag ? { flags: flag } : {}),
        },
      },
      kernel,
    );
  },
};

const PACKAGE = "@softmax-bench/wasm-simd";
