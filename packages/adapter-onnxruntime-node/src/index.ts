export { onnxruntimeCpu } from "./cpu.js";
export { onnxruntimeCuda } from "./cuda.js";
export { onnxruntimeWebgpu } from "./webgpu.js";
