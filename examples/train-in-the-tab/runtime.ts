import type * as ort from "onnxruntime-web";
import webgpuModule from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url";
import webgpuProgram from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url";
import wasmModule from "onnxruntime-web/ort-wasm-simd-threaded.mjs?url";
import wasmProgram from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import type { Provider } from "./train.ts";

const PROGRAMS = {
  wasm: { mjs: wasmModule, wasm: wasmProgram },
  webgpu: { mjs: webgpuModule, wasm: webgpuProgram },
};

/** Loads the build of ONNX Runtime with a provider: the one with WebGPU is twice as large. */
export async function loadRuntime(provider: Provider): Promise<typeof ort> {
  const runtime =
    provider === "webgpu" ? await import("onnxruntime-web/webgpu") : await import("onnxruntime-web/wasm");
  runtime.env.wasm.wasmPaths = PROGRAMS[provider];
  runtime.env.logLevel = "error";
  return runtime;
}
