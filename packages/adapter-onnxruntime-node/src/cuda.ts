import { existsSync } from "node:fs";
import { delimiter } from "node:path";
import { type Availability, type Backend, Unavailable } from "@softmax-bench/core";
import { nvidiaDriver, provision } from "@softmax-bench/provision";
import {
  cudaInstallation,
  cudaLibraryFolder,
  cudaRecipe,
  hasProvider,
  listProviderFiles,
} from "./cuda-parts.js";
import { findPlatformProblem, probeCuda } from "./cuda-probe.js";
import { installedFolder, probeRuntime, QUIET, runtimeAt, versionOf } from "./installation.js";
import { nvidiaModels } from "./nvidia.js";

/** A variable that makes NVIDIA's libraries multiply float32 matrices in float32; read when they load. */
const TF32 = "NVIDIA_TF32_OVERRIDE";

/** ONNX Runtime's CUDA execution provider. Its libraries are not in the npm package: they are provisioned. */
export const onnxruntimeCuda: Backend = {
  id: "onnxruntime-cuda",
  cost: { nsPerElement: 1 },
  dtypes: ["float32", "float64", "float16"],

  async probe(): Promise<Availability> {
    const runtime = probeRuntime();
    return runtime.available ? await probeCuda(cudaInstallation()) : runtime;
  },

  async provision(options) {
    const runtime = probeRuntime();
    if (!runtime.available) return options.wanted ? runtime : undefined;
    if (hasProvider(installedFolder()) || !(options.wanted || nvidiaDriver())) return undefined;
    return await provision(cudaRecipe(), options);
  },

  async listNativeFiles(options) {
    const runtime = probeRuntime();
    const problem = runtime.available ? findPlatformProblem() : runtime;
    if (problem) throw new Unavailable(problem.reason, problem.remedy);
    return listProviderFiles(options);
  },

  async environment() {
    const tf32 = { [TF32]: process.env[TF32] ?? "0" };
    // Without the runtime there is no folder of it; the probe then says so.
    const bundled = probeRuntime().available ? cudaLibraryFolder(cudaInstallation()) : undefined;
    if (!bundled || !existsSync(bundled)) return { ...QUIET, ...tf32 };
    const path = [process.env.LD_LIBRARY_PATH, bundled].filter(Boolean).join(delimiter);
    return { ...QUIET, ...tf32, LD_LIBRARY_PATH: path };
  },

  async open({ threads }) {
    const { forCpu, OnnxEngine, startDevice } = await import("@softmax-bench/onnxruntime");
    const runtime = runtimeAt(cudaInstallation());
    const session = {
      executionProviders: ["cuda"],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: 3,
    } as const;
    const started = await startDevice({ runtime, session });
    const models = new Set(await nvidiaModels());
    const info = {
      engine: { name: "onnxruntime-node", version: versionOf(runtime), code: "native" },
      device: { kind: "gpu", name: [...models].join(" or ") || "NVIDIA GPU" },
      threads,
      dtypes: onnxruntimeCuda.dtypes,
      settings: { TF32: process.env[TF32] === "0" ? "off" : "on", inputs: "copied in every run" },
    } as const;
    // onnxruntime-node makes device tensors only for WebGPU: here inputs and outputs are the host's.
    return new OnnxEngine({ runtime, info, session, legalize: forCpu, keeps: "nothing" }, started);
  },
};
