import { existsSync } from "node:fs";
import { cp, mkdir, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import type { NativeFile } from "@softmax-bench/core";
import { cacheRoot, installWheel, type ProvideOptions, provide, type Recipe } from "@softmax-bench/provision";
import { installedFolder, installedVersion, nativeFolder } from "./installation.js";

/** Files that give an onnxruntime-node the CUDA provider. */
export const PROVIDER_FILES = [
  "libonnxruntime_providers_shared.so",
  "libonnxruntime_providers_cuda.so",
] as const;

const partName = (): string => `onnxruntime-cuda-${installedVersion()}-${process.platform}-${process.arch}`;
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
  async build(part, { progress, signal }) {
    const wheel = `onnxruntime-gpu==${installedVersion()}`;
    progress(`downloading ${wheel} with pip`);
    const unpacked = join(part, "unpacked");
    await installWheel({ requirement: wheel, target: unpacked, signal });
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

/** The provider's libraries, provisioned first if they are missing. @throws Unavailable if that fails */
export async function listProviderFiles(options: ProvideOptions): Promise<readonly NativeFile[]> {
  const installation = hasProvider(installedFolder())
    ? installedFolder()
    : join(await provide(cudaRecipe(), options), INSTALLATION);
  return PROVIDER_FILES.map((file) => {
    const source = join(nativeFolder(installation), file);
    return { source, package: INSTALLATION, path: relative(installation, source) };
  });
}
