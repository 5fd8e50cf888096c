export { startDevice } from "./device.js";
export { OnnxEngine } from "./engine.js";
export { forCpu, forWebgpu, type Legalize, WEBGPU_NOTES } from "./legalize.js";
export { type Models, modelsFor } from "./models.js";
export type { Provider } from "./provider.js";
export type { Runtime } from "./runtime.js";
