export type { FloatDType } from "@softmax-bench/graph";
export * from "./backend.js";
export type { Formulation, LossAndGradient, LossInputs } from "./formulations/formulation.js";
export { FORMULATIONS } from "./formulations/index.js";
export { COMPARISONS, METHODS, type Method, type MethodId, type MethodKind, methodOf } from "./methods.js";
export { probePackage } from "./probe.js";
export { type GradientTask, type Program, programFor } from "./program.js";
export type {
  Accuracy,
  BackendRecord,
  Cell,
  CellStatus,
  DistanceRecord,
  Environment,
  Results,
  RunRecord,
  Timing,
} from "./results/schema.js";
export { generateInputs } from "./workloads/generate.js";
export { checkedRows } from "./workloads/rows.js";
export { findWorkload, WORKLOADS, type Workload } from "./workloads/workload.js";
