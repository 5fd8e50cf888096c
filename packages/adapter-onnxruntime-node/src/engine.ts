import type {
  Engine,
  EngineInfo,
  FloatArray,
  GradientResult,
  GradientTask,
  Inputs,
  Prepared,
  Support,
} from "@softmax-bench/core";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { modelsFor } from "./models.js";

const NOTES: Readonly<Record<string, string>> = {
  "autograd/library":
    "ONNX Runtime's npm build has no training operators; the gradient of SoftmaxCrossEntropyLoss is this project's, (exp(logp) − onehot)/N",
};

/** Runs a task's models on one execution provider. */
export class OnnxEngine implements Engine {
  readonly info: EngineInfo;
  readonly #options: InferenceSession.SessionOptions;

  constructor(info: EngineInfo, options: InferenceSession.SessionOptions) {
    this.info = info;
    this.#options = options;
  }

  supports({ method, dtype }: GradientTask): Support {
    if (!this.info.dtypes.includes(dtype)) return { ok: false, reason: `no ${dtype} kernels on this device` };
    const note = NOTES[method];
    return note ? { ok: true, note } : { ok: true };
  }

  async prepare(task: GradientTask, inputs: Inputs): Promise<Prepared> {
    const models = modelsFor(task);
    const session = (model: Uint8Array) => InferenceSession.create(model, this.#options);
    const forward = await session(models.forward);
    const gradient = await session(models.gradient);
    return new OnnxPrepared(task, inputs, { forward, gradient });
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

type Sessions = Readonly<Record<"forward" | "gradient", InferenceSession>>;

/**
 * On the CPU provider the host's arrays are the device's, so `upload` costs next to nothing. Every output of a
 * run is copied into a JavaScript buffer, so the gradient cannot stay behind: `read` recomputes.
 */
class OnnxPrepared implements Prepared {
  readonly readback = "recomputes";
  readonly #task: GradientTask;
  readonly #inputs: Inputs;
  readonly #sessions: Sessions;
  #feeds: InferenceSession.FeedsType;

  constructor(task: GradientTask, inputs: Inputs, sessions: Sessions) {
    this.#task = task;
    this.#inputs = inputs;
    this.#sessions = sessions;
    this.#feeds = feedsOf(task, inputs);
  }

  async upload(): Promise<void> {
    this.#feeds = feedsOf(this.#task, this.#inputs);
  }

  async forward(): Promise<void> {
    await this.#sessions.forward.run(this.#feeds);
  }

  async gradient(): Promise<void> {
    await this.#sessions.gradient.run(this.#feeds, ["loss", "probe"]);
  }

  async read(): Promise<GradientResult> {
    const { loss, gradient } = await this.#sessions.gradient.run(this.#feeds, ["loss", "gradient"]);
    return { loss: Number(floats(loss)[0]), gradient: floats(gradient) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of Object.values(this.#sessions)) await session.release();
  }
}

function feedsOf({ dtype, rows, classes }: GradientTask, { logits, labels }: Inputs) {
  return {
    logits: new Tensor(dtype, logits, [rows, classes]),
    labels: new Tensor("int64", BigInt64Array.from(labels, BigInt), [rows]),
  };
}

function floats(value: InferenceSession.OnnxValueMapType[string] | undefined): FloatArray {
  const data = value && "data" in value ? value.data : undefined;
  if (data instanceof Float32Array || data instanceof Float64Array) return data;
  throw new Error(`ONNX Runtime returned ${value?.type ?? "nothing"} where a float tensor was expected`);
}
