import type { Target } from "./target.js";

/** Loaded when they are needed: the less code there is, the sooner its coverage is counted. */
const LOADERS: Readonly<Record<string, () => Promise<Target>>> = {
  results: async () => (await import("./results.js")).results,
  journal: async () => (await import("./journal.js")).journal,
  npy: async () => (await import("./npy.js")).npy,
  safetensors: async () => (await import("./safetensors.js")).safetensors,
  onnx: async () => (await import("./onnx.js")).onnx,
  "write-back": async () => (await import("./write-back.js")).writeBackTarget,
};

export const FORMATS = Object.keys(LOADERS);

export async function loadTarget(format: string): Promise<Target> {
  const load = Object.hasOwn(LOADERS, format) ? LOADERS[format] : undefined;
  if (!load) throw new Error(`expected one of ${FORMATS.join(", ")}, got ${format}`);
  return load();
}
