export { type AdapterOptions, mergeAdapters, withAdapters } from "./adapters.js";
export { IGNORED_LABEL, withCheckedLabels } from "./checked-labels.js";
export { chooseCheckpoints } from "./checkpoints.js";
export {
  ELEMENT_LOSSES,
  type ElementLoss,
  type ElementLossOptions,
  type ElementReduction,
  elementHead,
} from "./element-losses.js";
export type { Head } from "./head.js";
export { int32 } from "./int32.js";
export { ONNXRUNTIME_CPU, ONNXRUNTIME_WEBGPU } from "./kernels.js";
export {
  type ScalingOptions,
  withDynamicScale,
  withMixedPrecision,
  withScaledLoss,
  withUnscaledGradients,
} from "./mixed-precision.js";
export { IR_VERSION, OPSET } from "./operators.js";
export {
  type AdamOptions,
  adam,
  adamw,
  type LionOptions,
  lion,
  type Optimizer,
  type SgdOptions,
  sgd,
  type Update,
  type UpdateContext,
} from "./optimizers.js";
export { type Products, withProducts } from "./products.js";
export { ModelError, quote } from "./read/error.js";
export type { MovingStatistic, ReadGraph } from "./read/graph.js";
export type { ModelInput } from "./read/inputs.js";
export { type GraphOptions, type Model, parseModel } from "./read/model.js";
export type { Choice } from "./read/parameters.js";
export type { ExternalData, ReadExternal, StoredTensor } from "./read/tensors.js";
export { serialize, serializeBatched, serializeOpen } from "./serialize.js";
export {
  crossEntropyHead,
  gradientName,
  nextName,
  type OutputLoss,
  onRows,
  type TrainingGraph,
  type TrainingOptions,
  trainingGraph,
} from "./training-graph.js";
export {
  accumulationStep,
  applyStep,
  type StepOptions,
  trainingStep,
} from "./training-step.js";
export { type ExternalChange, type WrittenModel, writeBack, writeWeights } from "./write-back.js";
