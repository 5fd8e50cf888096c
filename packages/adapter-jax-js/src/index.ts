import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { type Backend, probePackage } from "@softmax-bench/core";

/** jax-js: arrays, `grad` and `jit` of JAX, compiled to WebAssembly as it runs. In Node it has one thread. */
export const jaxJs: Backend = {
  id: "jax-js",
  dtypes: ["float32", "float64"],

  async probe() {
    return probePackage("@jax-js/jax", () => import.meta.resolve("@jax-js/jax"));
  },

  async open() {
    const { loadJax } = await import("./load.js");
    const { JaxEngine } = await import("./engine.js");
    const jax = await loadJax();
    return new JaxEngine(
      {
        engine: { name: "@jax-js/jax", version: installedVersion() },
        device: { kind: "cpu", name: `${cpus()[0]?.model.trim()}, WebAssembly` },
        threads: 1,
        dtypes: jaxJs.dtypes,
        settings: { SIMD: "WebAssembly" },
      },
      jax,
    );
  },
};

/** The package does not say its version at run time, and exports no manifest. */
function installedVersion(): string {
  const manifest = new URL("../package.json", import.meta.resolve("@jax-js/jax"));
  return JSON.parse(readFileSync(manifest, "utf8")).version;
}
