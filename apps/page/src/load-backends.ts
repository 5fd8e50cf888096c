import type { Backend } from "@softmax-bench/core";
import { ADAPTERS } from "./adapters.js";
import { BACKEND_IDS, type BackendId } from "./backend-ids.js";

/** Tells runtimes where the programs are that they fetch for themselves; see `vite.shared.ts`. */
const PATHS: Readonly<Partial<Record<BackendId, (folder: string) => Promise<void>>>> = {
  "tfjs-wasm": async (folder) => (await import("@tensorflow/tfjs-backend-wasm")).setWasmPaths(folder),
  "onnxruntime-webgpu": async (folder) => {
    (await import("onnxruntime-web/webgpu")).env.wasm.wasmPaths = folder;
  },
  "onnxruntime-web": async (folder) => {
    (await import("onnxruntime-web")).env.wasm.wasmPaths = folder;
  },
};

const isKnown = (id: string): id is BackendId => Object.hasOwn(ADAPTERS, id);

/** A backend that can be opened; undefined for an unknown id. @param base the address of the page */
export async function loadBackend(id: string, base: string): Promise<Backend | undefined> {
  if (!isKnown(id)) return undefined;
  await PATHS[id]?.(new URL("runtime/", base).href);
  return ADAPTERS[id]();
}

/** All backends by id, for a parent: it does not open them. */
export async function loadAdapters(): Promise<ReadonlyMap<string, Backend>> {
  const adapters = await Promise.all(BACKEND_IDS.map(async (id) => [id, await ADAPTERS[id]()] as const));
  return new Map(adapters);
}
