import { findAbsence } from "../plan/absent-backend.js";
import { BACKENDS } from "../plan/backends.js";
import { isReference } from "../plan/references.js";
import { unknownValue } from "../plan/unknown-value.js";
import { UsageError } from "../terminal/errors.js";

/** The parts of packages that a bundle takes for one backend. */
interface BundledBackend {
  /** The package that it comes from. */
  readonly adapter: string;
  /** The files in `runtime/` of the page that it loads in a browser; absent for none. */
  readonly pageFiles?: RegExp;
}

const TFJS_WASM = /^tfjs-backend-wasm/;
const ORT_WASM = /^ort-wasm-simd-threaded\.(?:mjs|wasm)$/;
const ORT_WEBGPU = /^ort-wasm-simd-threaded\.asyncify\./;

/** Every backend that is packages, by id. The others, PyTorch and JAX, are a matter of the machine's Python. */
export const BUNDLED_BACKENDS: Readonly<Record<string, BundledBackend>> = {
  "tfjs-wasm": { adapter: "@softmax-bench/adapter-tfjs-wasm", pageFiles: TFJS_WASM },
  "tfjs-node-gpu": { adapter: "@softmax-bench/adapter-tfjs-node-gpu" },
  "tfjs-cpu": { adapter: "@softmax-bench/adapter-tfjs-cpu" },
  "tfjs-webgl": { adapter: "@softmax-bench/adapter-tfjs-gpu" },
  "tfjs-webgpu": { adapter: "@softmax-bench/adapter-tfjs-gpu" },
  "onnxruntime-cpu": { adapter: "@softmax-bench/adapter-onnxruntime-node" },
  "onnxruntime-cuda": { adapter: "@softmax-bench/adapter-onnxruntime-node" },
  "onnxruntime-webgpu": { adapter: "@softmax-bench/adapter-onnxruntime-node", pageFiles: ORT_WEBGPU },
  "onnxruntime-web": { adapter: "@softmax-bench/adapter-onnxruntime-web", pageFiles: ORT_WASM },
  "jax-js": { adapter: "@softmax-bench/adapter-jax-js" },
  "jax-js-webgl": { adapter: "@softmax-bench/adapter-jax-js" },
  "jax-js-webgpu": { adapter: "@softmax-bench/adapter-jax-js" },
  "wasm-simd": { adapter: "@softmax-bench/adapter-wasm-simd" },
};

/** @returns the ids in measuring order @throws UsageError if one is unknown, or cannot be in a bundle */
export function checkBackends(ids: readonly string[]): string[] {
  const known = Object.keys(BUNDLED_BACKENDS);
  for (const id of ids) {
    if (id === "")
      throw new UsageError(`--backend expects ids, separated by commas: ${known.join(", ")}; got none`);
    if (isReference(id)) {
      throw new UsageError(
        `--backend ${id} cannot be bundled: it runs in the machine's Python, and every bundle measures it there; leave it out`,
      );
    }
    if (!Object.hasOwn(BUNDLED_BACKENDS, id)) throw unknownValue("backend", id, known);
    const absence = findAbsence(id);
    if (absence) throw new UsageError(`--backend ${id}: ${absence.reason}; ${absence.remedy}`);
  }
  return Object.keys(BACKENDS).filter((id) => ids.includes(id));
}
