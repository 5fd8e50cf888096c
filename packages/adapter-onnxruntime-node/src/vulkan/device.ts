import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { EngineInfo } from "@softmax-bench/core";
import { nvidiaModels } from "../nvidia.js";
import { type Driver, hasGpu, renderNodes, vulkanDrivers } from "./drivers.js";

/**
 * The device that this process computes on, once it has started. ONNX Runtime does not report it to Node, so it is
 * inferred from the driver libraries that are mapped into the process. If both a GPU's and a software driver's are
 * mapped, it is the GPU, which WebGPU prefers. Never throws.
 */
export async function vulkanDevice(): Promise<EngineInfo["device"]> {
  const mapped = await readFile("/proc/self/maps", "utf8").catch(() => "");
  const loaded = (await vulkanDrivers()).filter(({ library }) => mapped.includes(`/${library}.so`));
  const gpuDriver = (await hasGpu()) ? loaded.find(({ software }) => !software) : undefined;
  if (gpuDriver) return { kind: "gpu", name: `${await gpuName(gpuDriver)} (Vulkan)` };
  const software = loaded.find((driver) => driver.software);
  return { kind: "software-gpu", name: `${software?.name ?? "unknown driver"} (Vulkan, software)` };
}

/** The driver's name and the identity of the GPU, if it can only be one. */
async function gpuName({ name }: Driver): Promise<string> {
  const [model, ...others] = name === "NVIDIA" ? await nvidiaModels() : [];
  if (model && others.length === 0) return model;
  const [node, ...otherNodes] = await renderNodes();
  if (!node || otherNodes.length > 0) return name;
  const folder = join("/sys/class/drm", basename(node), "device");
  const ids = await Promise.all(["vendor", "device"].map((id) => readFile(join(folder, id), "utf8")))
    .then((texts) => texts.map((text) => text.trim().replace(/^0x/, "")))
    .catch(() => []);
  return ids.length > 0 ? `${name}, PCI ${ids.join(":")}` : name;
}
