import {
  type Backend,
  HOST_KINDS,
  installedVersion,
  type KernelAccuracy,
  probePackages,
  processorName,
} from "@softmax-bench/core";

/**
 * In every dtype, exp and log are polynomials in float32 (`src/backend/wasm/builtins.ts` of 0.1.25). exp subtracts a
 * multiple of ln 2 in one step, which costs 2|x| roundings (one more for float64, where x is rounded first), then takes a
 * Taylor polynomial of degree 6 on |r| ≤ 0.347, 2 u short, by Horner's rule. log takes 2(t + t³/3 + t⁵/5 + t⁷/7), t ≤ 1/3,
 * which is up to 1.3e-5 short.
 */
const KERNELS: KernelAccuracy = {
  exp: { fixed: 8, perArgument: 3 },
  log: { absolute: 1.3e-5 * 2 ** 24, relative: 4 },
  division: 1,
  precision: "float32",
};

/** jax-js: arrays, `grad` and `jit` of JAX, compiled to WebAssembly as it runs. In Node it has one thread. */
export const jaxJs: Backend = {
  id: "jax-js",
  cost: { nsPerElement: 15 },
  dtypes: ["float32", "float64"],
  hosts: HOST_KINDS,
  kernels: KERNELS,

  async probe() {
    return probePackages(import.meta);
  },

  async open() {
    const { loadJax } = await import("./load.js");
    const { JaxEngine } = await import("./engine.js");
    const jax = await loadJax("wasm");
    if (!jax) throw new Error("jax-js did not start its wasm device");
    return new JaxEngine(
      {
        engine: {
          name: "@jax-js/jax",
          version: installedVersion("@jax-js/jax", import.meta),
          code: "webassembly",
        },
        device: { kind: "cpu", name: `${processorName()}, WebAssembly` },
        threads: 1,
        dtypes: jaxJs.dtypes,
        settings: { SIMD: "WebAssembly" },
      },
      jax,
    );
  },
};
