export { TfjsEngine } from "./engine.js";
export type { DeviceGradient } from "./gradient.js";
export { interpret } from "./interpret.js";
export { TFJS_KERNELS } from "./op-table.js";
export { type OwnLoss, OwnLossEngine } from "./own-losses.js";
export { type LossFunction, softmaxCrossEntropy } from "./softmax-cross-entropy.js";
