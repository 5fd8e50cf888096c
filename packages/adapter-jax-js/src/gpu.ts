import {
  type Backend,
  type EngineInfo,
  gpuThreads,
  installedVersion,
  probeWebgl,
  probeWebgpu,
  SHADER_KERNELS,
  Unavailable,
  webglDevice,
  webgpuDevice,
  webgpuDTypes,
} from "@softmax-bench/core";
import type { Jax } from "./load.js";

/** jax-js on WebGL 2: what `jit` fuses becomes a fragment shader. */
export const jaxJsWebgl = onGpu("webgl", {
  dtypes: ["float32"],
  probe: async () => probeWebgl(),
  startedWith: () => ({ device: webglDevice(), dtypes: ["float32"] }),
});

/** jax-js on WebGPU: what `jit` fuses becomes a compute shader. It makes constants of float16 as elements of a Float16Array. */
export const jaxJsWebgpu = onGpu("webgpu", {
  dtypes: ["float32", "float16"],
  probe: probeWebgpu,
  startedWith: (jax) => {
    const gpu = jax.getWebGPUDevice();
    const hasArray = Reflect.get(globalThis, "Float16Array")?.BYTES_PER_ELEMENT === 2;
    return { device: webgpuDevice(gpu), dtypes: hasArray ? webgpuDTypes(gpu) : ["float32"] };
  },
});

interface Gpu extends Pick<Backend, "dtypes" | "probe"> {
  /** The device that it started on, and the dtypes that this one computes in. */
  readonly startedWith: (jax: Jax) => Pick<EngineInfo, "device" | "dtypes">;
}

function onGpu(device: "webgl" | "webgpu", { dtypes, probe, startedWith }: Gpu): Backend {
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
      const started = startedWith(jax);
      return new JaxEngine(
        {
          engine: {
            name: "@jax-js/jax",
            version: installedVersion("@jax-js/jax", import.meta),
            code: "javascript",
          },
          ...started,
          threads: gpuThreads(started.device),
        },
        jax,
      );
    },
  };
}
