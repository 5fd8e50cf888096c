import type { GradientResult, GradientTask, Inputs, Prepared } from "@softmax-bench/core";
import type { Provider } from "./engine.js";
import { copyModel, modelsFor } from "./models.js";
import { type Feeds, floatsOf, type RuntimeTensor, type Session, scalarOf, tensorOf } from "./runtime.js";

/**
 * Starts the device by running a first, tiny model. ONNX Runtime gives a WebGPU device up, with every shader it
 * has compiled, when the last session on it ends; until this one is disposed, that does not happen between tasks.
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

/** Sessions of one task, by what they do; and the host's inputs, as tensors. */
interface Compiled {
  readonly forward: Session;
  readonly gradient: Session;
  readonly uploadLogits: Session;
  readonly uploadLabels: Session;
  readonly download: Session;
  readonly hostInputs: () => { readonly logits: RuntimeTensor; readonly labels: RuntimeTensor };
}

/**
 * For providers with a memory of their own in which tensors can stay. A run is over when its host outputs
 * have arrived, so `gradient` asks for an element of the gradient on the host and for the rest where it is.
 * onnxruntime-node cannot read a device tensor (`getData()` ends the process), so copies are models, too.
 */
export async function prepareOnDevice(
  { runtime: { InferenceSession, Tensor }, session, legalize }: Provider,
  task: GradientTask,
  { logits, labels }: Inputs,
): Promise<Prepared> {
  const { dtype, rows, classes } = task;
  const models = modelsFor(task, legalize);
  const copyMatrix = copyModel(dtype, [rows, classes]);
  const compile = (model: Uint8Array, outputs: Readonly<Record<string, "cpu" | "gpu-buffer">>) =>
    InferenceSession.create(model, { ...session, preferredOutputLocation: outputs });
  const prepared = new DevicePrepared({
    forward: await compile(models.forward, { loss: "cpu" }),
    gradient: await compile(models.gradient, { loss: "cpu", gradient: "gpu-buffer", probe: "cpu" }),
    uploadLogits: await compile(copyMatrix, { to: "gpu-buffer" }),
    uploadLabels: await compile(copyModel("int32", [rows]), { to: "gpu-buffer" }),
    download: await compile(copyMatrix, { to: "cpu" }),
    hostInputs: () => ({
      logits: new Tensor(dtype, logits, [rows, classes]),
      labels: new Tensor("int32", labels, [rows]),
    }),
  });
  await prepared.upload();
  return prepared;
}

class DevicePrepared implements Prepared {
  readonly readback = "copies";
  readonly #compiled: Compiled;
  #feeds: Feeds = {};
  #result: { readonly loss: number; readonly gradient: RuntimeTensor } | undefined;

  constructor(compiled: Compiled) {
    this.#compiled = compiled;
  }

  async upload(): Promise<void> {
    const { hostInputs, uploadLogits, uploadLabels } = this.#compiled;
    const { logits, labels } = hostInputs();
    dispose(this.#feeds);
    this.#feeds = {};
    this.#feeds = {
      logits: tensorOf(await uploadLogits.run({ from: logits }), "to"),
      labels: tensorOf(await uploadLabels.run({ from: labels }), "to"),
    };
  }

  async forward(): Promise<void> {
    await this.#compiled.forward.run(this.#feeds);
  }

  async gradient(): Promise<void> {
    await this.#compute();
  }

  async read(): Promise<GradientResult> {
    const { loss, gradient } = this.#result ?? (await this.#compute());
    const outputs = await this.#compiled.download.run({ from: gradient });
    return { loss, gradient: floatsOf(outputs, "to") };
  }

  async #compute() {
    this.#result?.gradient.dispose();
    this.#result = undefined;
    const outputs = await this.#compiled.gradient.run(this.#feeds);
    this.#result = { loss: scalarOf(outputs, "loss"), gradient: tensorOf(outputs, "gradient") };
    return this.#result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    dispose(this.#feeds);
    this.#result?.gradient.dispose();
    const { forward, gradient, uploadLogits, uploadLabels, download } = this.#compiled;
    for (const session of [forward, gradient, uploadLogits, uploadLabels, download]) await session.release();
  }
}

function dispose(feeds: Feeds): void {
  for (const value of Object.values(feeds)) if ("location" in value) value.dispose();
}
