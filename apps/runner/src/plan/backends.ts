import type { Backend } from "@softmax-bench/core";

/**
 * Every backend of this repository, by id, in the order in which they are measured. Adding one is a line here and its
 * package. Loading an adapter's module is cheap; its runtime starts with `open`, in a worker process.
 */
export const BACKENDS: Readonly<Record<string, () => Promise<Backend>>> = {
  "tfjs-wasm": async () => (await import("@softmax-bench/adapter-tfjs-wasm")).tfjsWasm,
  "tfjs-node-gpu": async () => (await import("@softmax-bench/adapter-tfjs-node-gpu")).tfjsNodeGpu,
  "tfjs-cpu": async () => (await import("@softmax-bench/adapter-tfjs-cpu")).tfjsCpu,
  "tfjs-webgl": async () => (await import("@softmax-bench/adapter-tfjs-gpu")).tfjsWebgl,
  "tfjs-webgpu": async () => (await import("@softmax-bench/adapter-tfjs-gpu")).tfjsWebgpu,
  "onnxruntime-cpu": async () => (await import("@softmax-bench/adapter-onnxruntime-node")).onnxruntimeCpu,
  "onnxruntime-cuda": async () => (await import("@softmax-bench/adapter-onnxruntime-node")).onnxruntimeCuda,
  "onnxruntime-webgpu": async () =>
    (await import("@softmax-bench/adapter-onnxruntime-node")).onnxruntimeWebgpu,
  "onnxruntime-web": async () => (await import("@softmax-bench/adapter-onnxruntime-web")).onnxruntimeWeb,
  "jax-js": async () => (await import("@softmax-bench/adapter-jax-js")).jaxJs,
  "jax-js-webgl": async () => (await import("@softmax-bench/adapter-jax-js")).jaxJsWebgl,
  "jax-js-webgpu": async () => (await import("@softmax-bench/adapter-jax-js")).jaxJsWebgpu,
  "wasm-simd": async () => (await import("@softmax-bench/adapter-wasm-simd")).wasmSimd,
  pytorch: async () => (await import("@softmax-bench/host-python")).pytorch,
  jax: async () => (await import("@softmax-bench/host-python")).jax,
};
