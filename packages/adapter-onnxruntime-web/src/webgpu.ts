import {
  type Backend,
  gpuThreads,
  probeWebgpu,
  SHADER_KERNELS,
  type WebgpuDevice,
  webgpuDevice,
  webgpuDTypes,
} from "@softmax-bench/core";

/** ONNX Runtime's WebGPU execution provider in a page: the runtime is WebAssembly, its kernels are compute shaders. */
export const onnxruntimeWebgpu: Backend = {
  id: "onnxruntime-webgpu",
  dtypes: ["float32", "float16"],
  hosts: ["browser"],
  kernels: SHADER_KERNELS,

  probe: probeWebgpu,

  async open() {
    const runtime = await import("onnxruntime-web/webgpu");
    const { forWebgpu, OnnxEngine, startDevice, WEBGPU_NOTES } = await import("@softmax-bench/onnxruntime");
    const { env } = runtime;
    env.wasm.numThreads = 1;
    env.logLevel = "error";
    const session = { executionProviders: ["webgpu"] };
    const started = await startDevice({ runtime, session });
    const gpu = (await env.webgpu.device) as WebgpuDevice;
    const device = webgpuDevice(gpu);
    const info = {
      engine: {
        name: "onnxruntime-web",
        version: env.versions.web ?? env.versions.common,
        code: "webassembly",
      },
      device,
      threads: gpuThreads(device),
      dtypes: webgpuDTypes(gpu),
    } as const;
    return new OnnxEngine(
      { runtime, info, session, legalize: forWebgpu, keeps: "tensors", notes: WEBGPU_NOTES },
      started,
    );
  },
};
