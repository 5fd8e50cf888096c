/** The backends that run in a browser, in measuring order. */
export const BACKEND_IDS = [
  "tfjs-wasm",
  "tfjs-cpu",
  "tfjs-webgl",
  "tfjs-webgpu",
  "onnxruntime-webgpu",
  "onnxruntime-web",
  "jax-js",
  "jax-js-webgl",
  "jax-js-webgpu",
  "wasm-simd",
] as const;

export type BackendId = (typeof BACKEND_IDS)[number];
