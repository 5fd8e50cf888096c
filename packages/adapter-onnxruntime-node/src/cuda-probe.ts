import { join } from "node:path";
import { type Availability, commandLine } from "@softmax-bench/core";
import { nvidiaDriver, PLATFORM } from "@softmax-bench/provision";
import { PROVIDER_FILES } from "./cuda-parts.js";
import { firstLine, loads, nativeFolder } from "./installation.js";
import { exists, findLibrary, missingDependencies } from "./shared-library.js";

const PROVIDER = "libonnxruntime_providers_cuda.so";

const PROVISION = commandLine("doctor --fix onnxruntime-cuda");

type Problem = Extract<Availability, { available: false }>;

const no = (reason: string, remedy: string): Problem => ({ available: false, reason, remedy });

/** The problem with this platform, if there is one. */
export function findPlatformProblem(): Problem | undefined {
  if (PLATFORM === "linux-x64") return undefined;
  return no(`ONNX Runtime has a CUDA provider for linux-x64, this is ${PLATFORM}`, "use Linux on x64");
}

/** Checks the CUDA provider's needs, from the machine to the last library. The first missing one is reported. */
export async function probeCuda(installation: string): Promise<Availability> {
  const problem = findPlatformProblem();
  if (problem) return problem;
  if (!nvidiaDriver()) {
    return no(
      "there is no NVIDIA driver (/proc/driver/nvidia/version)",
      "install the driver of your NVIDIA GPU; in a container, start it with --gpus all",
    );
  }
  if (!(await findLibrary("libcuda.so.1"))) {
    return no(
      "the NVIDIA driver's library libcuda.so.1 is missing",
      "install it with the driver, e.g. apt-get install libcuda1; in a container, start it with --gpus all",
    );
  }
  return await probeProvider(installation);
}

/** Checks the provider's libraries in an onnxruntime-node, and those of NVIDIA that they need. Never throws. */
export async function probeProvider(installation: string): Promise<Availability> {
  const folder = nativeFolder(installation);
  for (const file of PROVIDER_FILES) {
    if (!(await exists(join(folder, file)))) {
      return no(`${join(folder, file)} is missing: the npm package comes without it`, PROVISION);
    }
  }
  try {
    const missing = await missingDependencies(join(folder, PROVIDER));
    if (missing.length > 0) return withoutLibraries(missing);
  } catch (error) {
    return no(`ldd cannot read ${PROVIDER}: ${firstLine(error)}`, PROVISION);
  }
  return loads(installation);
}

function withoutLibraries(missing: readonly string[]): Availability {
  const wheels = [...new Set(missing.flatMap(findWheels))].join(" ");
  return no(
    `${PROVIDER} needs ${missing.join(", ")}, not found`,
    wheels
      ? `install CUDA, or python3 -m pip install ${wheels}, and add the libraries' folder to LD_LIBRARY_PATH`
      : "install them, and add their folder to LD_LIBRARY_PATH",
  );
}

/** Wheels of NVIDIA's libraries on PyPI. The library's version determines the wheel, since each CUDA has its own. */
const WHEELS: Readonly<Record<string, string>> = {
  "libcublas.so.12": "nvidia-cublas-cu12",
  "libcublas.so.13": "nvidia-cublas~=13.0",
  "libcublasLt.so.12": "nvidia-cublas-cu12",
  "libcublasLt.so.13": "nvidia-cublas~=13.0",
  "libcudart.so.12": "nvidia-cuda-runtime-cu12",
  "libcudart.so.13": "nvidia-cuda-runtime~=13.0",
  "libcudnn.so.9": "nvidia-cudnn-cu13~=9.0",
  "libcufft.so.11": "nvidia-cufft-cu12",
  "libcufft.so.12": "nvidia-cufft~=12.0",
  "libcurand.so.10": "nvidia-curand~=10.4",
  "libnvrtc.so.12": "nvidia-cuda-nvrtc-cu12",
  "libnvrtc.so.13": "nvidia-cuda-nvrtc~=13.0",
};

const findWheels = (library: string): readonly string[] => {
  const wheel = WHEELS[library];
  return wheel ? [wheel] : [];
};
