import type { GradientResult, GradientTask, Inputs, Prepared } from "@softmax-bench/core";
import { type Model, type ModelInput, modelsFor } from "./models.js";
import type { Provider } from "./provider.js";
import { type Feeds, floatsOf, inputTensor, pick, type Session } from "./runtime.js";

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
  const compile = async ({ bytes, inputs: wanted }: Model): Promise<Compiled> => ({
    session: await runtime.InferenceSession.create(bytes, session),
    inputs: wanted,
  });
  return new HostPrepared(await compile(models.forward), await compile(models.gradient), (wanted) =>
    Object.fromEntries(wanted.map((input) => [input.name, inputTensor(runtime, input, inputs)])),
  );
}

/** A model that is ready to run. */
interface Compiled {
  readonly session: Session;
  readonly inputs: readonly ModelInput[];
}

type MakeFeeds = (wanted: readonly ModelInput[]) => Feeds;

class HostPrepared implements Prepared {
  readonly readback = "recomputes";
  readonly #forward: Compiled;
  readonly #gradient: Compiled;
  readonly #makeFeeds: MakeFeeds;
  #feeds: { readonly forward: Feeds; readonly gradient: Feeds };

  constructor(forward: Compiled, gradient: Compiled, makeFeeds: MakeFeeds) {
    this.#forward = forward;
    this.#gradient = gradient;
    this.#makeFeeds = makeFeeds;
    this.#feeds = this.#allFeeds();
  }

  async upload(): Promise<void> {
    this.#feeds = this.#allFeeds();
  }

  async forward(): Promise<void> {
    await this.#forward.session.run(this.#feeds.forward);
  }

  async gradient(): Promise<void> {
    await this.#gradient.session.run(this.#feeds.gradient, ["loss", "probe"]);
  }

  async read(): Promise<GradientResult> {
    const outputs = await this.#gradient.session.run(this.#feeds.gradient, ["loss", "gradient"]);
    return { loss: floatsOf(outputs, "loss"), gradient: floatsOf(outputs, "gradient") };
  }

  /** Both models take the same tensors; the loss alone does without `upstream`. */
  #allFeeds() {
    const gradient = this.#makeFeeds(this.#gradient.inputs);
    return { gradient, forward: pick(gradient, this.#forward.inputs) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#forward.session.release();
    await this.#gradient.session.release();
  }
}
