import type { FloatDType } from "@softmax-bench/graph";
import type { Availability, EngineInfo } from "./backend.js";

type Device = EngineInfo["device"];

/** Renderers that compute on the CPU, by their own names and by those that browsers give them. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|software|basic render|\bwarp\b/i;

/** The parts of a browser's `GPUDevice` that are read. */
export interface WebgpuDevice {
  readonly adapterInfo?: {
    readonly vendor?: string;
    readonly architecture?: string;
    readonly device?: string;
    readonly description?: string;
    readonly isFallbackAdapter?: boolean;
  };
  readonly features?: { has(name: string): boolean };
}

/** The dtypes that a device of WebGPU computes in. */
export const webgpuDTypes = ({ features }: WebgpuDevice): readonly FloatDType[] =>
  features?.has("shader-f16") ? ["float32", "float16"] : ["float32"];

/** The GPU behind a device of WebGPU, as far as the browser says. */
export function webgpuDevice({ adapterInfo = {} }: WebgpuDevice): Device {
  const { vendor, architecture, device, description, isFallbackAdapter } = adapterInfo;
  const words = [vendor, architecture, device, description].filter(Boolean).join(" ");
  return deviceNamed(words || "unnamed adapter", "WebGPU", isFallbackAdapter);
}

/** The GPU behind the contexts of WebGL 2, by one of its own. @throws Error if there is none */
export function webglDevice(): Device {
  const context = openWebgl();
  if (typeof context === "string") throw new Error(context);
  // Where the extension is gone, its name is behind the plain constant.
  const extension = context.getExtension("WEBGL_debug_renderer_info");
  const renderer = context.getParameter(extension?.UNMASKED_RENDERER_WEBGL ?? context.RENDERER);
  return deviceNamed(String(renderer), "WebGL 2");
}

/** Threads that compute: a software GPU has one per core, whatever it is told. */
export const gpuThreads = ({ kind }: Device): number =>
  kind === "software-gpu" ? (navigatorHere()?.hardwareConcurrency ?? 1) : 1;

/** True in a page whose browser has an adapter for WebGPU. Never throws. */
export async function probeWebgpu(): Promise<Availability> {
  const browser = navigatorHere();
  if (!isBrowser()) return IN_BROWSERS;
  if (!browser?.gpu) return unavailable("this browser has no WebGPU");
  const adapter = await browser.gpu.requestAdapter().catch(() => null);
  return adapter ? { available: true } : unavailable("WebGPU finds no adapter here");
}

/** True in a page whose browser has WebGL 2 with 32-bit floats. Never throws. */
export function probeWebgl(): Availability {
  if (!isBrowser()) return IN_BROWSERS;
  const context = openWebgl();
  if (typeof context === "string") return unavailable(context);
  if (context.getExtension("EXT_color_buffer_float")) return { available: true };
  return unavailable("WebGL cannot compute in 32-bit floats here");
}

const deviceNamed = (name: string, api: string, isSoftware = false): Device => ({
  kind: isSoftware || SOFTWARE.test(name) ? "software-gpu" : "gpu",
  name: `${name} (${api})`,
});

const unavailable = (reason: string): Availability => ({
  available: false,
  reason,
  remedy: "use a browser that has it, or a machine with a GPU",
});

const IN_BROWSERS: Availability = {
  available: false,
  reason: "it runs in browsers only",
  remedy: "--host chromium",
};

const isBrowser = (): boolean => "OffscreenCanvas" in globalThis;

interface Navigator {
  readonly hardwareConcurrency?: number;
  readonly gpu?: { requestAdapter(): Promise<object | null> };
}

const navigatorHere = (): Navigator | undefined => Reflect.get(globalThis, "navigator");

interface Webgl {
  readonly RENDERER: number;
  getExtension(name: string): { readonly UNMASKED_RENDERER_WEBGL?: number } | null;
  getParameter(name: number): unknown;
}

interface Canvas {
  getContext(api: "webgl2"): Webgl | null;
  addEventListener(type: string, listener: (event: { readonly statusMessage?: string }) => void): void;
}

/** A context, or why there is none. */
function openWebgl(): Webgl | string {
  const Canvas: new (width: number, height: number) => Canvas = Reflect.get(globalThis, "OffscreenCanvas");
  const canvas = new Canvas(1, 1);
  let reason = "this browser has no WebGL 2";
  canvas.addEventListener("webglcontextcreationerror", ({ statusMessage }) => {
    if (statusMessage) reason = statusMessage.replaceAll(/[\s*]+/g, " ");
  });
  return canvas.getContext("webgl2") ?? reason;
}
