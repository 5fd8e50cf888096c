import type { EngineInfo, FloatDType, MethodId } from "@softmax-bench/core";
import type { ModelKernels } from "./models.js";
import type { Runtime, SessionOptions } from "./runtime.js";

/** One execution provider of one ONNX Runtime. */
export interface Provider extends ModelKernels {
  readonly runtime: Runtime;
  readonly info: EngineInfo;
  readonly session: SessionOptions;
  /** The values that can stay in the provider's memory between runs. */
  readonly keeps: "tensors" | "nothing";
  /** Facts that a reader of a cell must know, by method. */
  readonly notes?: Readonly<Partial<Record<MethodId, string>>>;
  /** The same, by dtype. */
  readonly dtypeNotes?: Readonly<Partial<Record<FloatDType, string>>>;
}
