export { jaxJsWebgl, jaxJsWebgpu } from "./gpu.js";
export { jaxJs } from "./wasm.js";
