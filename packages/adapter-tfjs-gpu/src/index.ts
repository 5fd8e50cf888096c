export { tfjsWebgl } from "./webgl.js";
export { tfjsWebgpu } from "./webgpu.js";
