import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { vulkanDrivers } from "../src/vulkan/drivers.js";
import { driverEnvironment } from "../src/vulkan/environment.js";
import { probeVulkan } from "../src/vulkan/probe.js";

let home: string;
const manifestIn = async (name: string, text: string): Promise<string> => {
  const file = join(home, "vulkan/icd.d", name);
  await writeFile(file, text);
  return file;
};
const manifest = (library: string, rest = {}) =>
  JSON.stringify({ file_format_version: "1.0.0", ICD: { library_path: library, ...rest } });

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "vulkan-"));
  await mkdir(join(home, "vulkan/icd.d"), { recursive: true });
});
afterEach(async () => {
  await rm(home, { recursive: true });
});

describe.runIf(process.platform === "linux")("Vulkan drivers", () => {
  it("are those whose manifests are in the user's data folder", async () => {
    const file = await manifestIn("radeon_icd.x86_64.json", manifest("/usr/lib/libvulkan_radeon.so"));
    expect(await vulkanDrivers({ XDG_DATA_HOME: home })).toContainEqual({
      name: "AMD RADV",
      manifest: file,
      library: "libvulkan_radeon",
      software: false,
    });
  });

  it("are only those that the environment names, if it names any", async () => {
    await manifestIn("radeon_icd.x86_64.json", manifest("libvulkan_radeon.so"));
    const file = await manifestIn("lvp_icd.x86_64.json", manifest("libvulkan_lvp.so.1"));
    const drivers = await vulkanDrivers({ XDG_DATA_HOME: home, VK_ICD_FILENAMES: file });
    expect(drivers).toEqual([{ name: "llvmpipe", manifest: file, library: "libvulkan_lvp", software: true }]);
  });

  it.each([
    ["text that is not JSON", "{"],
    ["JSON of another shape", "[1]"],
    ["null", "null"],
    ["a library that is no text", JSON.stringify({ ICD: { library_path: 7 } })],
    ["a driver of 32-bit programs", manifest("libvulkan_radeon.so", { library_arch: "32" })],
  ])("do not come from %s", async (_, text) => {
    const file = await manifestIn("odd.json", text);
    expect(await vulkanDrivers({ VK_DRIVER_FILES: file })).toEqual([]);
  });

  it("are passed over where the manifest is missing", async () => {
    expect(await vulkanDrivers({ VK_DRIVER_FILES: join(home, "none.json") })).toEqual([]);
  });
});

describe.runIf(process.platform === "linux")("the environment of a WebGPU process", () => {
  it.each(["VK_ICD_FILENAMES", "VK_DRIVER_FILES", "VK_ADD_DRIVER_FILES"])(
    "leaves the choice to the user who set %s",
    async (name) => {
      expect(await driverEnvironment({ [name]: "/somewhere/icd.json" })).toEqual({});
    },
  );
});

describe.runIf(process.platform === "linux")("probing Vulkan", () => {
  // A loader is there by name alone: it is looked for, not loaded.
  const withLoader = async (env: NodeJS.ProcessEnv): Promise<NodeJS.ProcessEnv> => {
    await writeFile(join(home, "libvulkan.so.1"), "");
    return { LD_LIBRARY_PATH: home, ...env };
  };

  it("says that there is no driver, and what to install", async () => {
    const env = await withLoader({ VK_DRIVER_FILES: join(home, "none.json") });
    expect(await probeVulkan(env)).toEqual({
      available: false,
      reason: "there is no Vulkan driver",
      remedy: expect.stringContaining("apt-get install chromium"),
    });
  });

  it("takes a software driver for enough", async () => {
    const file = await manifestIn("vk_swiftshader_icd.json", manifest("./libvk_swiftshader.so"));
    expect(await probeVulkan(await withLoader({ VK_ICD_FILENAMES: file }))).toEqual({ available: true });
  });
});
