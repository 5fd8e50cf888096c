export { type GradientResult, type LossResult, SoftmaxKernel } from "./kernel.js";
export type { FloatArray, FloatDType, GradientOptions, LossOptions } from "./options.js";
