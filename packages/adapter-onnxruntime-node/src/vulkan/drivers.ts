import { readdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { exists } from "../shared-library.js";

/** A Vulkan driver, as its manifest describes it to the Vulkan loader. */
export interface Driver {
  /** E.g. `SwiftShader`; the library's own name if the driver is unknown here. */
  readonly name: string;
  readonly manifest: string;
  /** File name of the driver's library, without folder and version: `libvk_swiftshader`. */
  readonly library: string;
  /** True if it computes on the CPU. */
  readonly software: boolean;
}

const KNOWN: readonly (readonly [library: RegExp, name: string, software?: "software"])[] = [
  [/swiftshader/i, "SwiftShader", "software"],
  [/lvp|lavapipe|llvmpipe/i, "llvmpipe", "software"],
  [/mock/i, "mock driver", "software"],
  [/nvidia/i, "NVIDIA"],
  [/radeon/i, "AMD RADV"],
  [/amdvlk/i, "AMDVLK"],
  [/intel/i, "Intel ANV"],
  [/nouveau/i, "NVK"],
  [/panfrost/i, "PanVK"],
  [/freedreno/i, "Turnip"],
  [/broadcom/i, "V3DV"],
  [/virtio/i, "Venus"],
];

/**
 * The drivers that the Vulkan loader would load: those named by the environment, otherwise the installed ones.
 * Never throws: an unreadable manifest is ignored, as in the loader.
 * See https://github.com/KhronosGroup/Vulkan-Loader/blob/main/docs/LoaderDriverInterface.md
 */
export async function vulkanDrivers(env: NodeJS.ProcessEnv = process.env): Promise<Driver[]> {
  const named = env.VK_DRIVER_FILES || env.VK_ICD_FILENAMES;
  const added = env.VK_DRIVER_FILES || env.VK_ICD_FILENAMES ? "" : (env.VK_ADD_DRIVER_FILES ?? "");
  const places = named ? named.split(":") : [...added.split(":"), ...standardFolders(env)];
  const manifests = await Promise.all(places.filter(Boolean).map(manifestsAt));
  const drivers = await Promise.all(manifests.flat().map(readManifest));
  return drivers.filter((driver) => driver !== undefined);
}

const standardFolders = ({ XDG_DATA_HOME }: NodeJS.ProcessEnv): string[] =>
  [XDG_DATA_HOME || join(homedir(), ".local/share"), "/etc", "/usr/local/share", "/usr/share"].map((folder) =>
    join(folder, "vulkan/icd.d"),
  );

async function manifestsAt(place: string): Promise<string[]> {
  if (place.endsWith(".json")) return [place];
  const files = await readdir(place).catch(() => []);
  return files.filter((file) => file.endsWith(".json")).map((file) => join(place, file));
}

async function readManifest(manifest: string): Promise<Driver | undefined> {
  try {
    const { ICD: icd } = JSON.parse(await readFile(manifest, "utf8"));
    if (typeof icd?.library_path !== "string" || icd.library_arch === "32") return undefined;
    const library = basename(icd.library_path).replace(/\.so(\.\d+)*$/, "");
    const known = KNOWN.find(([pattern]) => pattern.test(library) || pattern.test(basename(manifest)));
    return { name: known?.[1] ?? library, manifest, library, software: known?.[2] === "software" };
  } catch {
    return undefined;
  }
}

/** Returns whether the kernel offers a GPU to compute on: a render node, or NVIDIA's own device file. */
export async function hasGpu(): Promise<boolean> {
  return (await renderNodes()).length > 0 || (await exists("/dev/nvidia0"));
}

/** Names of render nodes, e.g. `renderD128`. */
export const renderNodes = async (): Promise<string[]> =>
  (await readdir("/dev/dri").catch(() => [])).filter((name) => name.startsWith("renderD"));
