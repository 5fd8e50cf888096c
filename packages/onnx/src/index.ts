export { int32 } from "./int32.js";
export { ONNXRUNTIME_CPU, ONNXRUNTIME_WEBGPU } from "./kernels.js";
export { IR_VERSION, OPSET } from "./operators.js";
export { serialize, serializeBatched } from "./serialize.js";
