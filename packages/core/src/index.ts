export type { FloatDType } from "@softmax-bench/graph";
export type { EntryGroup, FormatId, GradientJudgement, GroupErrors } from "@softmax-bench/numerics";
export * from "./backend.js";
export { type ErrorBounds, errorBounds } from "./bounds/error-bounds.js";
export { FAITHFUL, type KernelAccuracy, SHADER_KERNELS } from "./bounds/kernels.js";
export type { Rounding } from "./bounds/probabilities.js";
export {
  commandLine,
  IN_CLONE,
  installLine,
  PROGRAM,
  reinstallLine,
  shellWord,
} from "./command-line.js";
export {
  DTYPE_IDS,
  DTYPES,
  type DTypeTraits,
  findForeign,
  floatArray,
  floatArrayFrom,
  setRounded,
  USUAL_DTYPE_IDS,
} from "./dtypes.js";
export { isSystemError, messageOf, type SystemError } from "./errors.js";
export type { FloatArray } from "./float-array.js";
export type { Formulation, LossAndGradient, LossInputs } from "./formulations/formulation.js";
export { FORMULATIONS } from "./formulations/index.js";
export {
  gpuThreads,
  probeWebgl,
  probeWebgpu,
  type WebgpuDevice,
  webglDevice,
  webgpuDevice,
  webgpuDTypes,
} from "./gpu.js";
export { DEFAULT_LOSS, type LossOptions, type Reduction } from "./loss-options.js";
export { methodIdsOf, refuseWithoutGraph } from "./method-support.js";
export {
  COMPARISONS,
  findMethod,
  GRAPH_METHODS,
  METHODS,
  type Method,
  type MethodId,
  type MethodKind,
} from "./methods.js";
export { computeGradient, type GradientFunction, type GradientProblem } from "./own-gradient.js";
export { installedVersion, probePackages } from "./packages.js";
export { cellKey, type Place, parsePlace, placeName, REFERENCE_HOST } from "./place.js";
export { plural } from "./plural.js";
export { processorName } from "./processor.js";
export { type GradientTask, lossAndGradientGraph, type Program, programFor } from "./program.js";
export { requireInputs } from "./require-inputs.js";
export { busyMachine } from "./results/busy-machine.js";
export { commandOfRun, EXPERIMENT_IDS, listExperiments } from "./results/experiments.js";
export { machineId, resultsOfMachine } from "./results/machine.js";
export { namePlaces } from "./results/name-places.js";
export { ASSUMED_RESOLUTION, type ResolutionLookup, resolutionLookup } from "./results/resolution.js";
export type {
  Accuracy,
  BackendRecord,
  Cell,
  CellStatus,
  Curve,
  Depth,
  DistanceRecord,
  Environment,
  GradientsOverSeeds,
  HostRecord,
  Machine,
  MachineState,
  NetworkRecord,
  Noise,
  Precision,
  Resolution,
  Results,
  RunRecord,
  Scaling,
  Series,
  Shard,
  Steadiness,
  Timing,
} from "./results/schema.js";
export { countObservations, describeObservations, intervalOf } from "./results/timing.js";
export { shorten } from "./shorten.js";
export {
  interpretStep,
  type MethodHead,
  methodHead,
  type PreparedStep,
  type StepInputs,
  type StepResult,
  type StepTask,
} from "./step.js";
export { SWEEPS } from "./sweeps/index.js";
export { SWEEP_ULP_LIMIT, type Sweep } from "./sweeps/sweep.js";
export {
  isPlainLoss,
  PLAIN_LOSS_ONLY,
  type SyncBackendOptions,
  type SyncGradient,
  syncBackend,
} from "./sync-backend.js";
export { generateInputs } from "./workloads/generate.js";
export { normalSource, uniformSource } from "./workloads/random.js";
export { checkedRows } from "./workloads/rows.js";
export { findWorkload, WORKLOADS, type Workload } from "./workloads/workload.js";
