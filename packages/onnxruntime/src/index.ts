export { startDevice } from "./device.js";
export { OnnxEngine, type Provider } from "./engine.js";
export { forCpu, forWebgpu, type Legalize } from "./legalize.js";
export { type Models, modelsFor } from "./models.js";
export type { Runtime } from "./runtime.js";
