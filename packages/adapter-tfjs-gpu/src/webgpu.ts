import {
  type Backend,
  gpuThreads,
  installedVersion,
  probeWebgpu,
  SHADER_KERNELS,
  type WebgpuDevice,
  webgpuDevice,
} from "@softmax-bench/core";

const PACKAGE = "@tensorflow/tfjs-backend-webgpu";

/** TensorFlow.js on WebGPU: kernels are compute shaders. */
export const tfjsWebgpu: Backend = {
  id: "tfjs-webgpu",
  cost: { nsPerElement: 450, mostElements: 2e6, mostElementsInGate: 0.3e6 },
  dtypes: ["float32"],
  hosts: ["browser"],
  kernels: SHADER_KERNELS,

  probe: probeWebgpu,

  async open() {
    const tf = await import("@tensorflow/tfjs-core");
    const { WebGPUBackend } = await import("@tensorflow/tfjs-backend-webgpu");
    const { TfjsEngine } = await import("@softmax-bench/tfjs");
    // Small tensors would be computed on the CPU.
    tf.env().set("WEBGPU_CPU_FORWARD", false);
    if (!(await tf.setBackend("webgpu"))) throw new Error("TensorFlow.js did not start its webgpu backend");
    const backend = tf.backend();
    if (!(backend instanceof WebGPUBackend)) throw new Error("TensorFlow.js started another backend");
    const device = webgpuDevice(backend.device as WebgpuDevice);
    return new TfjsEngine({
      engine: {
        name: PACKAGE,
        version: installedVersion(PACKAGE, import.meta),
        code: "javascript",
      },
      device,
      threads: gpuThreads(device),
      dtypes: tfjsWebgpu.dtypes,
      settings: { "small tensors": "on the GPU" },
    });
  },
};
