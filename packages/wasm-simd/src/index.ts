export {
  type GradientResult,
  type KernelOptions,
  type LinearOptions,
  type LinearResult,
  type LossResult,
  SoftmaxKernel,
} from "./kernel.js";
export type { Instructions } from "./module.js";
export type {
  Float16Values,
  FloatArray,
  FloatDType,
  GradientOptions,
  HalfDType,
  LossOptions,
} from "./options.js";
