import { createRequire } from "node:module";
import util from "node:util";
import type { KernelBackend } from "@tensorflow/tfjs-core";

const require = createRequire(import.meta.url);

/** What we use of the addon. */
export interface Addon {
  isUsingGpuDevice(): boolean;
  readonly TF_Version: string;
}

/** Loads the addon and, with it, TensorFlow. @throws Error if the loader or the addon fails */
export const loadAddon = (file: string): Addon => require(file);

/**
 * TensorFlow.js's kernels on the addon. The package's own entry point is not used: it insists on the addon at
 * its place in `node_modules`.
 */
export function kernelBackend(addon: Addon): KernelBackend {
  restoreUtil();
  require("@tensorflow/tfjs-node-gpu/dist/register_all_kernels.js");
  const { NodeJSKernelBackend } = require("@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend.js");
  return new NodeJSKernelBackend(addon, "@tensorflow/tfjs-node-gpu");
}

/** Node 23 took `util.isNullOrUndefined` away, which tfjs-node's kernels call. */
function restoreUtil(): void {
  const legacy = util as { isNullOrUndefined?: (value: unknown) => boolean };
  legacy.isNullOrUndefined ??= (value) => value === null || value === undefined;
}
