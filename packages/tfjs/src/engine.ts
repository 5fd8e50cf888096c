import {
  type Engine,
  type EngineInfo,
  type GradientResult,
  type GradientTask,
  type Inputs,
  type Prepared,
  type PreparedStep,
  type Program,
  programFor,
  requireInputs,
  type StepTask,
  type Support,
} from "@softmax-bench/core";
import * as tf from "@tensorflow/tfjs-core";
import { type DeviceGradient, type Feeds, forward, lossAndGradient } from "./gradient.js";
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
    const note = NOTES[method];
    return note ? { ok: true, note } : { ok: true };
  }

  async prepare(task: GradientTask, inputs: Inputs): Promise<Prepared> {
    const support = this.supports(task);
    if (!support.ok) throw new Error(support.reason);
    requireInputs(task, inputs);
    const asynchronous = this.info.device.kind !== "cpu";
    return new TfjsPrepared(task, programFor(task), inputs, asynchronous);
  }

  async prepareStep(task: StepTask): Promise<PreparedStep> {
    if (!this.info.dtypes.includes(task.dtype)) throw new Error(`TensorFlow.js has no ${task.dtype}`);
    return new TfjsStep(task);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

class TfjsPrepared implements Prepared {
  readonly readback = "copies";
  readonly #task: GradientTask;
  readonly #program: Program;
  readonly #inputs: Inputs;
  /** The device keeps working after a kernel's call has returned. */
  readonly #asynchronous: boolean;
  #feeds: Feeds;
  #result: DeviceGradient | undefined;

  constructor(task: GradientTask, program: Program, inputs: Inputs, asynchronous: boolean) {
    this.#asynchronous = asynchronous;
    this.#task = task;
    this.#program = program;
    this.#inputs = inputs;
    this.#feeds = toDevice(task, inputs);
  }

  async upload(): Promise<void> {
    this.#release();
    tf.dispose({ ...this.#feeds });
    this.#feeds = toDevice(this.#task, this.#inputs);
  }

  async forward(): Promise<void> {
    const loss = forward(this.#program, this.#feeds);
    await this.#finished(loss);
    loss.dispose();
  }

  async gradient(): Promise<void> {
    this.#release();
    this.#result = lossAndGradient(this.#program, this.#feeds);
    await this.#finished(this.#result.gradient);
  }

  async read(): Promise<GradientResult> {
    if (!this.#result) await this.gradient();
    const { loss, gradient } = this.#result as DeviceGradient;
    return { loss: await loss.data<"float32">(), gradient: await gradient.data<"float32">() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#release();
    tf.dispose({ ...this.#feeds });
  }

  /**
   * One element cannot arrive before the kernel that writes it has ended. WebGL is read synchronously, since TensorFlow.js otherwise
   * looks every few milliseconds whether it has finished.
   */
  async #finished(result: tf.Tensor): Promise<void> {
    if (!this.#asynchronous) return;
    const origin = result.shape.map(() => 0);
    const element =
      result.rank === 0
        ? tf.clone(result)
        : tf.slice(
            result,
            origin,
            result.shape.map(() => 1),
          );
    if (tf.getBackend() === "webgl") element.dataSync();
    else await element.data();
    element.dispose();
  }

  #release(): void {
    if (this.#result) tf.dispose([this.#result.loss, this.#result.gradient]);
    this.#result = undefined;
  }
}

function toDevice({ rows, classes }: GradientTask, inputs: Inputs): Feeds {
  const { logits, labels, weights, upstream } = inputs;
  return {
    logits: tf.tensor2d(logits as Float32Array, [rows, classes], "float32"),
    labels:
      labels instanceof Int32Array
        ? tf.tensor1d(labels, "int32")
        : tf.tensor2d(labels as Float32Array, [rows, classes], "float32"),
    ...(weights ? { weights: tf.tensor1d(weights as Float32Array, "float32") } : {}),
    ...(upstream ? { upstream: tf.tensor1d(upstream as Float32Array, "float32") } : {}),
  };
}
