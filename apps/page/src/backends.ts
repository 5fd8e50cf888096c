import type { Backend } from "@softmax-bench/core";

/** The folder of the page with the programs that runtimes fetch for themselves; see `vite.config.ts`. */
const runtimeFolder = (base: string): string => new URL("runtime/", base).href;

/** The backends that run in a browser, by id. Each is fetched when it is opened, with what it needs and no more. */
const BACKENDS: Readonly<Record<string, (base: string) => Promise<Backend>>> = {
  "tfjs-wasm": async (base) => {
    const { setWasmPaths } = await import("@tensorflow/tfjs-backend-wasm");
    setWasmPaths(runtimeFolder(base));
    return (await import("@softmax-bench/adapter-tfjs-wasm")).tfjsWasm;
  },
  "tfjs-cpu": async () => (await import("@softmax-bench/adapter-tfjs-cpu")).tfjsCpu,
  "tfjs-webgl": async () => (await import("@softmax-bench/adapter-tfjs-gpu")).tfjsWebgl,
  "tfjs-webgpu": async () => (await import("@softmax-bench/adapter-tfjs-gpu")).tfjsWebgpu,
  "onnxruntime-webgpu": async (base) => {
    const { env } = await import("onnxruntime-web/webgpu");
    env.wasm.wasmPaths = runtimeFolder(base);
    return (await import("@softmax-bench/adapter-onnxruntime-web")).onnxruntimeWebgpu;
  },
  "onnxruntime-web": async (base) => {
    const { env } = await import("onnxruntime-web");
    env.wasm.wasmPaths = runtimeFolder(base);
    return (await import("@softmax-bench/adapter-onnxruntime-web")).onnxruntimeWeb;
  },
  "jax-js": async () => (await import("@softmax-bench/adapter-jax-js")).jaxJs,
  "jax-js-webgl": async () => (await import("@softmax-bench/adapter-jax-js")).jaxJsWebgl,
  "jax-js-webgpu": async () => (await import("@softmax-bench/adapter-jax-js")).jaxJsWebgpu,
  "wasm-simd": async () => (await import("@softmax-bench/adapter-wasm-simd")).wasmSimd,
};

export const loadBackend = async (id: string, base: string): Promise<Backend | undefined> =>
  BACKENDS[id]?.(base);
