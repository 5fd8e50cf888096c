import { type Backend, gpuThreads, probeWebgl, SHADER_KERNELS, webglDevice } from "@softmax-bench/core";

/** TensorFlow.js on WebGL 2: kernels are fragment shaders, tensors textures. */
export const tfjsWebgl: Backend = {
  id: "tfjs-webgl",
  cost: { nsPerElement: 450, mostElements: 2e6, mostElementsInGate: 0.3e6 },
  dtypes: ["float32"],
  hosts: ["browser"],
  kernels: SHADER_KERNELS,

  async probe() {
    return probeWebgl();
  },

  async open() {
    const tf = await import("@tensorflow/tfjs-core");
    const { version_webgl } = await import("@tensorflow/tfjs-backend-webgl");
    const { TfjsEngine } = await import("@softmax-bench/tfjs");
    // Small tensors would be computed on the CPU.
    tf.env().set("WEBGL_CPU_FORWARD", false);
    if (!(await tf.setBackend("webgl"))) throw new Error("TensorFlow.js did not start its webgl backend");
    if (!tf.env().getBool("WEBGL_RENDER_FLOAT32_ENABLED")) {
      throw new Error("TensorFlow.js has 16-bit floats only on this GPU");
    }
    const device = webglDevice();
    return new TfjsEngine({
      engine: { name: "@tensorflow/tfjs-backend-webgl", version: version_webgl, code: "javascript" },
      device,
      threads: gpuThreads(device),
      dtypes: tfjsWebgl.dtypes,
      settings: { "small tensors": "on the GPU" },
    });
  },
};
