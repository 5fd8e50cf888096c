import { existsSync } from "node:fs";
import { cp, mkdir, readdir, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import type { NativeFile, NativeFileOptions } from "@softmax-bench/core";
import {
  cacheRoot,
  installWheels,
  PLATFORM,
  type ProvideOptions,
  provide,
  type Recipe,
} from "@softmax-bench/provision";
import { installedFolder, installedVersion, nativeFolder } from "./installation.js";

/** Files that give an onnxruntime-node the CUDA provider. */
export const PROVIDER_FILES = [
  "libonnxruntime_providers_shared.so",
  "libonnxruntime_providers_cuda.so",
] as const;

const partName = (): string => `onnxruntime-cuda-${installedVersion()}-${PLATFORM}`;
const INSTALLATION = "onnxruntime-node";

/**
 * The onnxruntime-node with the CUDA provider: ours if its install script succeeded, otherwise the one in the cache.
 */
export const cudaInstallation = (): string =>
  hasProvider(installedFolder()) ? installedFolder() : join(cacheRoot(), partName(), INSTALLATION);

export const hasProvider = (installation: string): boolean =>
  PROVIDER_FILES.every((file) => existsSync(join(nativeFolder(installation), file)));

/**
 * A copy of onnxruntime-node with the provider's libraries, which ONNX Runtime loads from its own folder. They come
 * from the Python package of the same version: both are built from one commit.
 */
export const cudaRecipe = (): Recipe => ({
  name: partName(),
  space: 3e9,
  cost: {
    title: `ONNX Runtime ${installedVersion()}'s CUDA provider`,
    downloadBytes: 246e6,
    buildSeconds: 10,
  },
  async build(part, { progress, signal }) {
    const wheel = `onnxruntime-gpu==${installedVersion()}`;
    progress(`downloading ${wheel} with pip`);
    const unpacked = join(part, "unpacked");
    await installWheels({ requirements: [wheel], target: unpacked, signal });
    const installation = join(part, INSTALLATION);
    const source = installedFolder();
    for (const name of ["package.json", "dist"]) {
      await cp(join(source, name), join(installation, name), { recursive: true });
    }
    await mkdir(nativeFolder(installation), { recursive: true });
    await cp(nativeFolder(source), nativeFolder(installation), { recursive: true });
    const common = dirname(
      dirname(createRequire(join(source, "dist/index.js")).resolve("onnxruntime-common")),
    );
    await cp(dirname(common), join(part, "node_modules", "onnxruntime-common"), { recursive: true });
    for (const file of PROVIDER_FILES) {
      await rename(join(unpacked, "onnxruntime", "capi", file), join(nativeFolder(installation), file));
    }
    await rm(unpacked, { recursive: true });
  },
});

/** The libraries of CUDA 13 that the provider is linked with; about 1 GB. It loads cuDNN only for convolutions. */
const CUDA_WHEELS = {
  "nvidia-cublas": "13.8.2.12",
  "nvidia-cuda-runtime": "13.5.37",
  "nvidia-curand": "10.4.5.25",
} as const;

/** The part's name has the versions: one with others is another part. */
export const cudaLibrariesRecipe = (): Recipe => ({
  name: `cuda-${Object.values(CUDA_WHEELS).join("-")}-${PLATFORM}`,
  space: 3e9,
  cost: { title: "CUDA 13's libraries", downloadBytes: 1e9, buildSeconds: 20 },
  async build(part, { progress, signal }) {
    const requirements = Object.entries(CUDA_WHEELS).map(([name, version]) => `${name}==${version}`);
    progress(`downloading ${requirements.join(", ")} with pip`);
    await installWheels({ requirements, target: part, signal });
  },
});

/** The folder beside an onnxruntime-node's native libraries in which a bundle has CUDA's. */
export const cudaLibraryFolder = (installation: string): string => join(nativeFolder(installation), "cuda");

/** The provider's libraries, and CUDA's if wanted, provisioned first if they are missing. @throws Unavailable if that fails */
export async function listProviderFiles(options: NativeFileOptions): Promise<readonly NativeFile[]> {
  const installation = hasProvider(installedFolder())
    ? installedFolder()
    : join(await provide(cudaRecipe(), options), INSTALLATION);
  const toFile = (source: string, target: string): NativeFile => ({
    source,
    package: INSTALLATION,
    path: relative(installation, target),
  });
  const provider = PROVIDER_FILES.map((file) => join(nativeFolder(installation), file));
  const cuda = options.cudaLibraries ? await listCudaLibraries(options) : [];
  return [
    ...provider.map((file) => toFile(file, file)),
    ...cuda.map(([name, file]) => toFile(file, join(cudaLibraryFolder(installation), name))),
  ];
}

/** The libraries and their licences, by their names in the bundle. */
async function listCudaLibraries(options: ProvideOptions): Promise<[name: string, file: string][]> {
  const part = await provide(cudaLibrariesRecipe(), options);
  const files = await readdir(part, { recursive: true });
  return files.flatMap((file): [string, string][] => {
    const library = /\/lib\/(lib[^/]+\.so\.\d+)$/.exec(file)?.[1];
    const licence = /^([^/]+)\.dist-info\/licenses\/[^/]+$/.exec(file)?.[1];
    const name = library ?? (licence && `${licence}-LICENSE.txt`);
    return name ? [[name, join(part, file)]] : [];
  });
}
