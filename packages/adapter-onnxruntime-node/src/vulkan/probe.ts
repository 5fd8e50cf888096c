import type { Availability } from "@softmax-bench/core";
import { findLibrary } from "../shared-library.js";
import { hasGpu, vulkanDrivers } from "./drivers.js";
import { LOADER } from "./environment.js";

/** Checks that a process with this environment has a Vulkan loader and a working driver. Never throws. */
export async function probeVulkan(env: NodeJS.ProcessEnv = process.env): Promise<Availability> {
  if (!(await findLibrary(LOADER, env))) {
    return {
      available: false,
      reason: `there is no Vulkan loader (${LOADER})`,
      remedy: "install it, e.g. apt-get install libvulkan1",
    };
  }
  const drivers = await vulkanDrivers(env);
  if (drivers.some(({ software }) => software) || (drivers.length > 0 && (await hasGpu()))) {
    return { available: true };
  }
  return {
    available: false,
    reason:
      drivers.length > 0
        ? `there is no GPU for the Vulkan drivers installed (${drivers.map(({ name }) => name).join(", ")})`
        : "there is no Vulkan driver",
    remedy:
      "install your GPU's Vulkan driver, or Chromium for its software driver (Debian: apt-get install chromium)",
  };
}
