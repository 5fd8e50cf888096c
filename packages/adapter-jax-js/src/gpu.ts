import {
  type Availability,
  type Backend,
  gpuThreads,
  installedVersion,
  probeWebgl,
  probeWebgpu,
  SHADER_KERNELS,
  Unavailable,
  webglDevice,
  webgpuDevice,
} from "@softmax-bench/core";
import type { Jax } from "./load.js";

/** jax-js on WebGL 2: what `jit` fuses becomes a fragment shader. */
export const jaxJsWebgl = onGpu("webgl", async () => probeWebgl(), webglDevice);

/** jax-js on WebGPU: what `jit` fuses becomes a compute shader. */
export const jaxJsWebgpu = onGpu("webgpu", probeWebgpu, (jax) => webgpuDevice(jax.getWebGPUDevice()));

function onGpu(
  device: "webgl" | "webgpu",
  probe: () => Promise<Availability>,
  deviceOf: (jax: Jax) => ReturnType<typeof webglDevice>,
): Backend {
  const dtypes = ["float32"] as const;
  return {
    id: `jax-js-${device}`,
    cost: { nsPerElement: 500, mostElements: 2e6, mostElementsInGate: 0.3e6 },
    dtypes,
    hosts: ["browser"],
    kernels: SHADER_KERNELS,
    probe,

    async open() {
      const { loadJax } = await import("./load.js");
      const { JaxEngine } = await import("./engine.js");
      const jax = await loadJax(device);
      if (!jax) {
        throw new Unavailable(
          `jax-js does not start on ${device} here, which it wants without a performance caveat`,
          "use another browser, or a machine with a GPU",
        );
      }
      const used = deviceOf(jax);
      return new JaxEngine(
        {
          engine: {
            name: "@jax-js/jax",
            version: installedVersion("@jax-js/jax", () => import.meta.resolve("@jax-js/jax")),
            code: "javascript",
          },
          device: used,
          threads: gpuThreads(used),
          dtypes,
        },
        jax,
      );
    },
  };
}
