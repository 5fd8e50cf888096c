import { availableParallelism } from "node:os";
import {
  type Availability,
  type Backend,
  type EngineInfo,
  HOST_KINDS,
  SHADER_KERNELS,
} from "@softmax-bench/core";
import { installedFolder, probeInstalled, QUIET, runtimeAt, versionOf } from "./installation.js";
import { vulkanDevice } from "./vulkan/device.js";
import { driverEnvironment } from "./vulkan/environment.js";
import { probeVulkan } from "./vulkan/probe.js";

/** ONNX Runtime's WebGPU execution provider (Dawn), natively: on Linux through Vulkan, on a GPU or in software. */
export const onnxruntimeWebgpu: Backend = {
  id: "onnxruntime-webgpu",
  cost: { nsPerElement: 150, mostElementsInGate: 1e6 },
  dtypes: ["float32", "float16"],
  // In a page it is onnxruntime-web's.
  hosts: HOST_KINDS,
  kernels: SHADER_KERNELS,

  async probe(): Promise<Availability> {
    const runtime = probeInstalled();
    return runtime.available && process.platform === "linux" ? await probeVulkan() : runtime;
  },

  async environment() {
    return { ...QUIET, ...(await driverEnvironment()) };
  },

  async open() {
    const { computesFloat16, forWebgpu, OnnxEngine, startDevice, WEBGPU_NOTES } = await import(
      "@softmax-bench/onnxruntime"
    );
    const runtime = runtimeAt(installedFolder());
    const session = {
      executionProviders: ["webgpu"],
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      logSeverityLevel: 3,
    } as const;
    const started = await startDevice({ runtime, session });
    const device = await deviceInUse();
    const info: EngineInfo = {
      engine: { name: "onnxruntime-node", version: versionOf(runtime), code: "native" },
      device,
      // A software driver runs its own thread per core, regardless of the setting.
      threads: device.kind === "software-gpu" ? availableParallelism() : 1,
      dtypes: (await computesFloat16({ runtime, session })) ? ["float32", "float16"] : ["float32"],
    };
    return new OnnxEngine(
      { runtime, info, session, legalize: forWebgpu, keeps: "tensors", notes: WEBGPU_NOTES },
      started,
    );
  },
};

async function deviceInUse(): Promise<EngineInfo["device"]> {
  if (process.platform === "linux") return await vulkanDevice();
  const api = process.platform === "darwin" ? "Metal" : "Direct3D 12";
  return { kind: "gpu", name: `default adapter (${api})` };
}
