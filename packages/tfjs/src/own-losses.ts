import {
  type Engine,
  type GradientTask,
  type Inputs,
  isPlainLoss,
  PLAIN_LOSS_ONLY,
  type Prepared,
  type PreparedStep,
  requireInputs,
  type StepTask,
  type Support,
} from "@softmax-bench/core";
import * as tf from "@tensorflow/tfjs-core";
import { isAsynchronous } from "./engine.js";
import { type Computation, TfjsPrepared } from "./prepared.js";

/** A user's loss: the mean over rows, of logits `[N, C]` (float32) and labels `[N]` (int32), in ops that the tape knows. */
export type OwnLoss = (logits: tf.Tensor2D, labels: tf.Tensor1D) => tf.Scalar;

/**
 * An engine with further methods: losses of a user's, which the tape differentiates.
 *
 * @param losses by method
 */
export class OwnLossEngine implements Engine {
  readonly #engine: Engine;
  readonly #losses: ReadonlyMap<string, OwnLoss>;
  /** Absent where the engine has none. */
  readonly prepareStep?: (task: StepTask) => Promise<PreparedStep>;

  constructor(engine: Engine, losses: ReadonlyMap<string, OwnLoss>) {
    this.#engine = engine;
    this.#losses = losses;
    if (engine.prepareStep) this.prepareStep = (task) => engine.prepareStep?.(task) as Promise<PreparedStep>;
  }

  get info() {
    return this.#engine.info;
  }

  supports(task: GradientTask): Support {
    if (!this.#losses.has(task.method)) return this.#engine.supports(task);
    if (!this.info.dtypes.includes(task.dtype))
      return { ok: false, reason: `TensorFlow.js has no ${task.dtype}` };
    return isPlainLoss(task) ? { ok: true } : { ok: false, reason: `${task.method} has ${PLAIN_LOSS_ONLY}` };
  }

  async prepare(task: GradientTask, inputs: Inputs): Promise<Prepared> {
    const loss = this.#losses.get(task.method);
    if (!loss) return this.#engine.prepare(task, inputs);
    const support = this.supports(task);
    if (!support.ok) throw new Error(support.reason);
    requireInputs(task, inputs);
    return new TfjsPrepared(task, computationOf(loss, task.method), inputs, isAsynchronous(this.info));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#engine[Symbol.asyncDispose]();
  }
}

function computationOf(loss: OwnLoss, name: string): Computation {
  const checked = (logits: tf.Tensor, labels: tf.Tensor): tf.Scalar =>
    requireScalar(loss(logits as tf.Tensor2D, labels as tf.Tensor1D), name);
  return {
    forward: ({ logits, labels }) => tf.tidy(() => checked(logits, labels)),
    lossAndGradient({ logits, labels }) {
      const { value, grad } = tf.valueAndGrad((x: tf.Tensor) => checked(x, labels))(logits);
      return { loss: value, gradient: grad };
    },
  };
}

/** @throws TypeError if a loss is not a float32 scalar */
function requireScalar(loss: unknown, name: string): tf.Scalar {
  const expected = `${name}: expected the loss to be a float32 scalar, the mean over rows`;
  if (!(loss instanceof tf.Tensor)) {
    throw new TypeError(`${expected}; got ${loss instanceof Promise ? "a promise" : typeof loss}`);
  }
  if (loss.rank !== 0 || loss.dtype !== "float32") {
    throw new TypeError(`${expected}; got ${loss.dtype} [${loss.shape}]`);
  }
  return loss as tf.Scalar;
}
