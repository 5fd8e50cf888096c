export { type GradientResult, type KernelOptions, type LossResult, SoftmaxKernel } from "./kernel.js";
export type { Instructions } from "./module.js";
export type { FloatArray, FloatDType, GradientOptions, LossOptions } from "./options.js";
