export { computesFloat16, startDevice } from "./device.js";
export { OnnxEngine } from "./engine.js";
export { CPU_DTYPE_NOTES, forCpu, forWebgpu, type Legalize, WEBGPU_NOTES } from "./legalize.js";
export { type Models, modelsFor } from "./models.js";
export type { Provider } from "./provider.js";
export type { Runtime } from "./runtime.js";
