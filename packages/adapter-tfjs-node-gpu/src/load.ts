import { createRequire } from "node:module";
import util from "node:util";
import { messageOf, Unavailable } from "@softmax-bench/core";
import type { KernelBackend } from "@tensorflow/tfjs-core";

const require = createRequire(import.meta.url);

/** The members of the addon that we use. */
export interface Addon {
  isUsingGpuDevice(): boolean;
  readonly TF_Version: string;
}

/**
 * Loads an addon and, with it, TensorFlow.
 * @param remedy the remedy if that fails
 * @throws Unavailable if the dynamic linker or the addon fails
 */
export function loadAddon(file: string, remedy: string): Addon {
  try {
    return require(file);
  } catch (error) {
    const [why] = messageOf(error).split("\n", 1);
    throw new Unavailable(`${file} does not load: ${why}`, remedy);
  }
}

/**
 * TensorFlow.js's kernels on the addon. The package's own entry point is not used, since it requires the addon at
 * its place in `node_modules`.
 */
export function kernelBackend(addon: Addon): KernelBackend {
  restoreUtil();
  require("@tensorflow/tfjs-node-gpu/dist/register_all_kernels.js");
  const { NodeJSKernelBackend } = require("@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend.js");
  return new NodeJSKernelBackend(addon, "@tensorflow/tfjs-node-gpu");
}

/** Restores `util.isNullOrUndefined`, which Node 23 removed and tfjs-node's kernels call. */
function restoreUtil(): void {
  const legacy = util as { isNullOrUndefined?: (value: unknown) => boolean };
  legacy.isNullOrUndefined ??= (value) => value === null || value === undefined;
}
