import {
  type Engine,
  type EngineInfo,
  type GradientTask,
  type Inputs,
  type Prepared,
  type PreparedStep,
  type Program,
  programFor,
  refuseWithoutGraph,
  requireInputs,
  type StepTask,
  type Support,
} from "@softmax-bench/core";
import { forward, lossAndGradient } from "./gradient.js";
import { type Computation, TfjsPrepared } from "./prepared.js";
import { TfjsStep } from "./step.js";

const HAND_WRITTEN = "the library's gradient is hand-written (customGrad), not taped op by op";
const NOTES: Readonly<Record<string, string>> = {
  "autograd/library": `${HAND_WRITTEN}; its loss is NaN where a class is masked (0 · −∞)`,
  "autograd/log-softmax": `${HAND_WRITTEN}, for LogSoftmax`,
};

/** The engine of every TensorFlow.js backend. Expects that the backend is active and ready. */
export class TfjsEngine implements Engine {
  readonly info: EngineInfo;

  constructor(info: EngineInfo) {
    this.info = info;
  }

  supports({ method, dtype }: GradientTask): Support {
    if (!this.info.dtypes.includes(dtype)) return { ok: false, reason: `TensorFlow.js has no ${dtype}` };
    const refusal = refuseWithoutGraph(method);
    if (refusal) return refusal;
    const note = NOTES[method];
    return note ? { ok: true, note } : { ok: true };
  }

  async prepare(task: GradientTask, inputs: Inputs): Promise<Prepared> {
    const support = this.supports(task);
    if (!support.ok) throw new Error(support.reason);
    requireInputs(task, inputs);
    return new TfjsPrepared(task, computationOf(programFor(task)), inputs, isAsynchronous(this.info));
  }

  async prepareStep(task: StepTask): Promise<PreparedStep> {
    if (!this.info.dtypes.includes(task.dtype)) throw new Error(`TensorFlow.js has no ${task.dtype}`);
    return new TfjsStep(task);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** True if the device keeps working after a kernel's call has returned. */
export const isAsynchronous = ({ device }: EngineInfo): boolean => device.kind !== "cpu";

const computationOf = (program: Program): Computation => ({
  forward: (feeds) => forward(program, feeds),
  lossAndGradient: (feeds) => lossAndGradient(program, feeds),
});
