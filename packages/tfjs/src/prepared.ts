import type { GradientResult, GradientTask, Inputs, Prepared } from "@softmax-bench/core";
import * as tf from "@tensorflow/tfjs-core";
import type { DeviceGradient, Feeds } from "./gradient.js";

/** The computation of a task, on the device. */
export interface Computation {
  forward(feeds: Feeds): tf.Tensor;
  lossAndGradient(feeds: Feeds): DeviceGradient;
}

/** A task of any TensorFlow.js backend, with its inputs on the device. */
export class TfjsPrepared implements Prepared {
  readonly readback = "copies";
  readonly #task: GradientTask;
  readonly #computation: Computation;
  readonly #inputs: Inputs;
  /** The device keeps working after a kernel's call has returned. */
  readonly #asynchronous: boolean;
  #feeds: Feeds;
  #result: DeviceGradient | undefined;

  constructor(task: GradientTask, computation: Computation, inputs: Inputs, asynchronous: boolean) {
    this.#asynchronous = asynchronous;
    this.#task = task;
    this.#computation = computation;
    this.#inputs = inputs;
    this.#feeds = toDevice(task, inputs);
  }

  async upload(): Promise<void> {
    this.#release();
    tf.dispose({ ...this.#feeds });
    this.#feeds = toDevice(this.#task, this.#inputs);
  }

  async forward(): Promise<void> {
    const loss = this.#computation.forward(this.#feeds);
    await this.#finished(loss);
    loss.dispose();
  }

  async gradient(): Promise<void> {
    this.#release();
    this.#result = this.#computation.lossAndGradient(this.#feeds);
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
