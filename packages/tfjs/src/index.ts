export { TfjsEngine } from "./engine.js";
export { type DeviceGradient, type LossFunction, softmaxCrossEntropy } from "./gradient.js";
export { interpret } from "./interpret.js";
export { TFJS_KERNELS } from "./op-table.js";
