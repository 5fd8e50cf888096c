import {
  type Engine,
  type EngineInfo,
  type FloatDType,
  type GradientTask,
  type Inputs,
  type MethodId,
  type Prepared,
  type PreparedStep,
  type PrepareOptions,
  refuseWithoutGraph,
  requireInputs,
  type StepTask,
  type Support,
} from "@softmax-bench/core";
import { isHalf } from "@softmax-bench/graph";
import { prepareOnDevice } from "./device.js";
import { prepareOnHost } from "./host.js";
import type { Provider } from "./provider.js";
import { prepareStep } from "./step.js";

const NOTES: Readonly<Partial<Record<MethodId, string>>> = {
  "autograd/library":
    "ONNX Runtime's npm build has no training operators; the gradient of SoftmaxCrossEntropyLoss is this project's, (exp(logp) − onehot)/N",
};

const REASONS: Readonly<Partial<Record<FloatDType, string>>> = {
  float16: "the device does not compute in float16 (WebGPU's feature shader-f16)",
  bfloat16: "ONNX Runtime has no bfloat16 tensors in JavaScript",
};

/** Runs a task's models on one execution provider. */
export class OnnxEngine implements Engine {
  readonly info: EngineInfo;
  readonly #provider: Provider;
  readonly #device: AsyncDisposable | undefined;

  /** @param device what `startDevice` returned; released with the engine */
  constructor(provider: Provider, device?: AsyncDisposable) {
    this.info = provider.info;
    this.#provider = provider;
    this.#device = device;
  }

  supports({ method, dtype }: GradientTask): Support {
    if (!this.info.dtypes.includes(dtype))
      return { ok: false, reason: REASONS[dtype] ?? `no ${dtype} kernels on this device` };
    const refusal = refuseWithoutGraph(method);
    if (refusal) return refusal;
    const { notes: byMethod, dtypeNotes } = this.#provider;
    const notes = [NOTES[method], byMethod?.[method], dtypeNotes?.[dtype]].filter(Boolean);
    return notes.length > 0 ? { ok: true, note: notes.join("; ") } : { ok: true };
  }

  async prepare(task: GradientTask, inputs: Inputs, options?: PrepareOptions): Promise<Prepared> {
    const support = this.supports(task);
    if (!support.ok) throw new Error(support.reason);
    requireInputs(task, inputs);
    const prepare = this.#provider.keeps === "tensors" ? prepareOnDevice : prepareOnHost;
    return await prepare(this.#provider, task, inputs, options);
  }

  async prepareStep(task: StepTask): Promise<PreparedStep> {
    if (!this.info.dtypes.includes(task.dtype)) throw new Error(`no ${task.dtype} kernels on this device`);
    if (isHalf(task.dtype)) throw new Error(`networks are not trained in ${task.dtype}`);
    return await prepareStep(this.#provider, task);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#device?.[Symbol.asyncDispose]();
  }
}
