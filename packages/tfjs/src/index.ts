export { TfjsEngine } from "./engine.js";
export { type DeviceGradient, softmaxCrossEntropy } from "./gradient.js";
export { interpret } from "./interpret.js";
