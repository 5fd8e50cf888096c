import type { GradientResult, GradientTask, Inputs, Prepared } from "@softmax-bench/core";
import type { Provider } from "./engine.js";
import { modelsFor } from "./models.js";
import { type Feeds, floatsOf, type Runtime, type Session, scalarOf } from "./runtime.js";

/**
 * For providers whose inputs and outputs are the host's arrays. On the CPU these are the device's, so `upload`
 * costs next to nothing. Every output of a run is copied into a JavaScript buffer, so the gradient cannot stay
 * behind: `read` recomputes.
 */
export async function prepareOnHost(
  { runtime, session, legalize }: Provider,
  task: GradientTask,
  inputs: Inputs,
): Promise<Prepared> {
  const models = modelsFor(task, legalize);
  const forward = await runtime.InferenceSession.create(models.forward, session);
  const gradient = await runtime.InferenceSession.create(models.gradient, session);
  return new HostPrepared(forward, gradient, () => feedsOf(runtime, task, inputs));
}

class HostPrepared implements Prepared {
  readonly readback = "recomputes";
  readonly #forward: Session;
  readonly #gradient: Session;
  readonly #makeFeeds: () => Feeds;
  #feeds: Feeds;

  constructor(forward: Session, gradient: Session, makeFeeds: () => Feeds) {
    this.#forward = forward;
    this.#gradient = gradient;
    this.#makeFeeds = makeFeeds;
    this.#feeds = makeFeeds();
  }

  async upload(): Promise<void> {
    this.#feeds = this.#makeFeeds();
  }

  async forward(): Promise<void> {
    await this.#forward.run(this.#feeds);
  }

  async gradient(): Promise<void> {
    await this.#gradient.run(this.#feeds, ["loss", "probe"]);
  }

  async read(): Promise<GradientResult> {
    const outputs = await this.#gradient.run(this.#feeds, ["loss", "gradient"]);
    return { loss: scalarOf(outputs, "loss"), gradient: floatsOf(outputs, "gradient") };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#forward.release();
    await this.#gradient.release();
  }
}

function feedsOf(
  { Tensor }: Runtime,
  { dtype, rows, classes }: GradientTask,
  { logits, labels }: Inputs,
): Feeds {
  return {
    logits: new Tensor(dtype, logits, [rows, classes]),
    labels: new Tensor("int64", BigInt64Array.from(labels, BigInt), [rows]),
  };
}
