import type { Backend } from "@softmax-bench/core";
import type { BackendId } from "./backend-ids.js";

/** The adapters that run in a browser, in measuring order. Loading one is cheap; its runtime is loaded with `open`. */
export const ADAPTERS: Readonly<Record<BackendId, () => Promise<Backend>>> = {
  "tfjs-wasm": async () => (await import("@softmax-bench/adapter-tfjs-wasm")).tfjsWasm,
  "tfjs-cpu": async () => (await import("@softmax-bench/adapter-tfjs-cpu")).tfjsCpu,
  "tfjs-webgl": async () => (await import("@softmax-bench/adapter-tfjs-gpu")).tfjsWebgl,
  "tfjs-webgpu": async () => (await import("@softmax-bench/adapter-tfjs-gpu")).tfjsWebgpu,
  "onnxruntime-webgpu": async () =>
    (await import("@softmax-bench/adapter-onnxruntime-web")).onnxruntimeWebgpu,
  "onnxruntime-web": async () => (await import("@softmax-bench/adapter-onnxruntime-web")).onnxruntimeWeb,
  "jax-js": async () => (await import("@softmax-bench/adapter-jax-js")).jaxJs,
  "jax-js-webgl": async () => (await import("@softmax-bench/adapter-jax-js")).jaxJsWebgl,
  "jax-js-webgpu": async () => (await import("@softmax-bench/adapter-jax-js")).jaxJsWebgpu,
  "wasm-simd": async () => (await import("@softmax-bench/adapter-wasm-simd")).wasmSimd,
};
