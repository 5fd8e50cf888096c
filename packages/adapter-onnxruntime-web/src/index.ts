export { onnxruntimeWeb } from "./wasm.js";
export { onnxruntimeWebgpu } from "./webgpu.js";
