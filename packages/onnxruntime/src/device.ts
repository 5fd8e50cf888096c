import type {
  FloatArray,
  GradientResult,
  GradientTask,
  Inputs,
  Prepared,
  PrepareOptions,
} from "@softmax-bench/core";
import { input, neg, toHalfBits } from "@softmax-bench/graph";
import { serialize } from "@softmax-bench/onnx";
import { copyModel, type ModelInput, modelsFor, requireForward } from "./models.js";
import type { Provider } from "./provider.js";
import {
  type Feeds,
  findTensor,
  inputTensor,
  pick,
  type RuntimeTensor,
  readFloats,
  type Session,
} from "./runtime.js";

/**
 * Starts the device by running a first, tiny model. ONNX Runtime releases a WebGPU device, with every compiled shader,
 * when the last session on it ends; until this one is disposed, that does not happen between tasks.
 * @throws Error if the provider finds no device, in its own words.
 */
export async function startDevice({
  runtime: { InferenceSession, Tensor },
  session,
}: Pick<Provider, "runtime" | "session">): Promise<AsyncDisposable> {
  const first = await InferenceSession.create(copyModel("float32", [1]), session);
  await first.run({ from: new Tensor("float32", [0], [1]) });
  return { [Symbol.asyncDispose]: () => first.release() };
}

/** Returns whether the device computes in float16: for WebGPU, whether it has the feature `shader-f16`. */
export async function computesFloat16({
  runtime: { InferenceSession, Tensor },
  session,
}: Pick<Provider, "runtime" | "session">): Promise<boolean> {
  const from = input("from", "float16", [1]);
  const model = serialize({ name: "negation", inputs: [from], outputs: { to: neg(from) } });
  const one = toHalfBits("float16", Float32Array.of(1));
  // The runtime writes to stderr what it throws.
  const silent = { ...session, logSeverityLevel: 4 } as const;
  let trial: Session | undefined;
  try {
    trial = await InferenceSession.create(model, silent);
    await trial.run({ from: new Tensor("float16", one, [1]) }, { logSeverityLevel: 4 });
    return true;
  } catch {
    return false;
  } finally {
    await trial?.release();
  }
}

/** Sessions of one task, by their function. */
interface Compiled {
  /** Undefined if it will not be run. */
  readonly forward: Session | undefined;
  /** The inputs of `gradient` that `forward` takes. */
  readonly forwardInputs: readonly ModelInput[];
  readonly gradient: Session;
  readonly uploads: readonly Upload[];
  readonly download: Session;
}

/** Copies one of the host's inputs to the device. */
interface Upload {
  readonly name: string;
  readonly session: Session;
  readonly hostTensor: () => RuntimeTensor;
}

/**
 * Prepares a task for providers with their own memory, in which tensors can stay. A run is over when its host outputs
 * have arrived, so `gradient` requests one element of the gradient on the host and leaves the rest on the device.
 * onnxruntime-node cannot read a device tensor (`getData()` ends the process), so copies are models, too.
 */
export async function prepareOnDevice(
  provider: Provider,
  task: GradientTask,
  inputs: Inputs,
  options?: PrepareOptions,
): Promise<Prepared> {
  const { runtime, session } = provider;
  const models = modelsFor(task, provider, options);
  const compile = (model: Uint8Array, outputs: Readonly<Record<string, "cpu" | "gpu-buffer">>) =>
    runtime.InferenceSession.create(model, { ...session, preferredOutputLocation: outputs });
  const uploads: Upload[] = [];
  for (const input of models.gradient.inputs) {
    uploads.push({
      name: input.name,
      session: await compile(copyModel(input.dtype, input.shape), { to: "gpu-buffer" }),
      hostTensor: () => inputTensor(runtime, input, inputs),
    });
  }
  const prepared = new DevicePrepared({
    forward: models.forward && (await compile(models.forward.bytes, { loss: "cpu" })),
    forwardInputs: models.forward?.inputs ?? [],
    gradient: await compile(models.gradient.bytes, { loss: "cpu", gradient: "gpu-buffer", probe: "cpu" }),
    uploads,
    download: await compile(copyModel(task.dtype, [task.rows, task.classes]), { to: "cpu" }),
  });
  await prepared.upload();
  return prepared;
}

class DevicePrepared implements Prepared {
  readonly readback = "copies";
  readonly #compiled: Compiled;
  #feeds: Feeds = {};
  #result: { readonly loss: FloatArray; readonly gradient: RuntimeTensor } | undefined;

  constructor(compiled: Compiled) {
    this.#compiled = compiled;
  }

  async upload(): Promise<void> {
    this.#release();
    dispose(this.#feeds);
    const feeds: Record<string, RuntimeTensor> = {};
    this.#feeds = feeds;
    for (const { name, session, hostTensor } of this.#compiled.uploads) {
      feeds[name] = findTensor(await session.run({ from: hostTensor() }), "to");
    }
  }

  async forward(): Promise<void> {
    const { forward, forwardInputs } = this.#compiled;
    await requireForward(forward).run(pick(this.#feeds, forwardInputs));
  }

  async gradient(): Promise<void> {
    await this.#compute();
  }

  async read(): Promise<GradientResult> {
    const { loss, gradient } = this.#result ?? (await this.#compute());
    const outputs = await this.#compiled.download.run({ from: gradient });
    return { loss, gradient: readFloats(outputs, "to") };
  }

  async #compute() {
    this.#release();
    const outputs = await this.#compiled.gradient.run(this.#feeds);
    this.#result = { loss: readFloats(outputs, "loss"), gradient: findTensor(outputs, "gradient") };
    return this.#result;
  }

  #release(): void {
    this.#result?.gradient.dispose();
    this.#result = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    dispose(this.#feeds);
    this.#release();
    const { forward, gradient, uploads, download } = this.#compiled;
    for (const session of [forward, gradient, ...uploads.map((upload) => upload.session), download]) {
      await session?.release();
    }
  }
}

function dispose(feeds: Feeds): void {
  for (const value of Object.values(feeds)) if ("location" in value) value.dispose();
}
