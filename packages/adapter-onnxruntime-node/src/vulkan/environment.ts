import { dirname, join } from "node:path";
import { findLibrary, firstExisting } from "../shared-library.js";
import { hasGpu, vulkanDrivers } from "./drivers.js";

/** The Vulkan loader, which finds drivers and passes calls on to them. */
export const LOADER = "libvulkan.so.1";

/** Folders of Chromium, which contain a software driver and a Vulkan loader. */
const CHROMIUM = ["/usr/lib/chromium", "/usr/lib/chromium-browser", "/opt/google/chrome"];
const SWIFTSHADER = "vk_swiftshader_icd.json";

const CHOICES = ["VK_ICD_FILENAMES", "VK_DRIVER_FILES", "VK_ADD_DRIVER_FILES"];

/**
 * Variables with which a process finds a Vulkan driver: none if the user has chosen one or a GPU has its own;
 * otherwise those of Chromium's SwiftShader, if it is installed. Other installed software drivers are not used:
 * Mesa's may be too old for WebGPU (Debian 12's is). Never throws.
 */
export async function driverEnvironment(
  env: NodeJS.ProcessEnv = process.env,
): Promise<Record<string, string>> {
  if (process.platform !== "linux" || CHOICES.some((name) => env[name])) return {};
  const drivers = await vulkanDrivers(env);
  if (drivers.some(({ software }) => !software) && (await hasGpu())) return {};
  const manifest = await firstExisting(CHROMIUM.map((folder) => join(folder, SWIFTSHADER)));
  if (!manifest) return {};
  return { VK_ICD_FILENAMES: manifest, ...(await loaderEnvironment(dirname(manifest), env)) };
}

async function loaderEnvironment(folder: string, env: NodeJS.ProcessEnv): Promise<Record<string, string>> {
  if ((await findLibrary(LOADER, env)) || !(await firstExisting([join(folder, LOADER)]))) return {};
  return { LD_LIBRARY_PATH: [folder, env.LD_LIBRARY_PATH].filter(Boolean).join(":") };
}
