import { availableParallelism } from "node:os";
import type { Availability, Backend, EngineInfo, KernelAccuracy } from "@softmax-bench/core";
import { installedFolder, loads, QUIET, runtimeAt, versionOf } from "./installation.js";
import { vulkanDevice } from "./vulkan/device.js";
import { driverEnvironment } from "./vulkan/environment.js";
import { probeVulkan } from "./vulkan/probe.js";

const IN_STEPS =
  "the WebGPU provider has no LogSoftmax; it is computed as ONNX defines it, in simpler operators";

/**
 * The accuracy that WGSL allows (section 15.7.4, "Floating point accuracy"): exp within 3 + 2|x| ULP, log within
 * 3 ULP or 2^-21, a division within 2.5 ULP. An ULP is two unit roundoffs at most.
 */
const KERNELS: KernelAccuracy = {
  exp: { fixed: 6, perArgument: 4 },
  log: { absolute: 2 ** -21 * 2 ** 24, relative: 6 },
  division: 5,
};

/** ONNX Runtime's WebGPU execution provider (Dawn), natively: on Linux through Vulkan, on a GPU or in software. */
export const onnxruntimeWebgpu: Backend = {
  id: "onnxruntime-webgpu",
  cost: { nsPerElement: 150, mostElementsInGate: 1e6 },
  dtypes: ["float32"],
  kernels: KERNELS,

  async probe(): Promise<Availability> {
    const runtime = loads(installedFolder());
    return runtime.available && process.platform === "linux" ? await probeVulkan() : runtime;
  },

  async environment() {
    return { ...QUIET, ...(await driverEnvironment()) };
  },

  async open() {
    const { forWebgpu, OnnxEngine, startDevice } = await import("@softmax-bench/onnxruntime");
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
      dtypes: onnxruntimeWebgpu.dtypes,
    };
    const notes = {
      "autograd/log-softmax": IN_STEPS,
      "autograd/library": IN_STEPS,
      "manual/log-softmax": IN_STEPS,
    } as const;
    return new OnnxEngine({ runtime, info, session, legalize: forWebgpu, keeps: "tensors", notes }, started);
  },
};

async function deviceInUse(): Promise<EngineInfo["device"]> {
  if (process.platform === "linux") return await vulkanDevice();
  const api = process.platform === "darwin" ? "Metal" : "Direct3D 12";
  return { kind: "gpu", name: `default adapter (${api})` };
}
