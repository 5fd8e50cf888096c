import type { GradientResult, GradientTask, Inputs, Prepared, PrepareOptions } from "@softmax-bench/core";
import { type Model, type ModelInput, modelsFor, requireForward } from "./models.js";
import type { Provider } from "./provider.js";
import { type Feeds, inputTensor, pick, readFloats, type Session } from "./runtime.js";

/**
 * Prepares a task for providers whose inputs and outputs are the host's arrays. On the CPU these are the device's, so
 * `upload` costs almost nothing. Every output of a run is copied into a JavaScript buffer, so the gradient cannot stay
 * on the device: `read` recomputes.
 */
export async function prepareOnHost(
  provider: Provider,
  task: GradientTask,
  inputs: Inputs,
  options?: PrepareOptions,
): Promise<Prepared> {
  const { runtime, session } = provider;
  const models = modelsFor(task, provider, options);
  const compile = async ({ bytes, inputs: wanted }: Model): Promise<Compiled> => ({
    session: await runtime.InferenceSession.create(bytes, session),
    inputs: wanted,
  });
  const sessions = {
    forward: models.forward && (await compile(models.forward)),
    gradient: await compile(models.gradient),
    shortcut: models.shortcut && (await compile(models.shortcut)),
  };
  return new HostPrepared(sessions, (wanted) =>
    Object.fromEntries(wanted.map((input) => [input.name, inputTensor(runtime, input, inputs)])),
  );
}

/** A model that is ready to run. */
interface Compiled {
  readonly session: Session;
  readonly inputs: readonly ModelInput[];
}

/** The models of a task; the last two take the same inputs. */
interface Sessions {
  /** Undefined if it will not be run. */
  readonly forward: Compiled | undefined;
  readonly gradient: Compiled;
  readonly shortcut: Compiled | undefined;
}

type MakeFeeds = (wanted: readonly ModelInput[]) => Feeds;

class HostPrepared implements Prepared {
  readonly readback = "recomputes";
  readonly #sessions: Sessions;
  readonly #makeFeeds: MakeFeeds;
  #feeds: { readonly forward: Feeds; readonly gradient: Feeds };

  constructor(sessions: Sessions, makeFeeds: MakeFeeds) {
    this.#sessions = sessions;
    this.#makeFeeds = makeFeeds;
    this.#feeds = this.#allFeeds();
  }

  async upload(): Promise<void> {
    this.#feeds = this.#allFeeds();
  }

  async forward(): Promise<void> {
    await requireForward(this.#sessions.forward).session.run(this.#feeds.forward);
  }

  async gradient(): Promise<void> {
    await this.#backward("probe");
  }

  async read(): Promise<GradientResult> {
    const outputs = await this.#backward("gradient");
    return { loss: readFloats(outputs, "loss"), gradient: readFloats(outputs, "gradient") };
  }

  /** Runs the shortcut if it exists and is valid for these inputs. */
  async #backward(wanted: "probe" | "gradient") {
    const { gradient, shortcut } = this.#sessions;
    const outputs = await shortcut?.session.run(this.#feeds.gradient, ["loss", wanted]);
    if (outputs && readFloats(outputs, "loss").every(Number.isFinite)) return outputs;
    return await gradient.session.run(this.#feeds.gradient, ["loss", wanted]);
  }

  /** Both models take the same tensors; the loss alone does not need `upstream`. */
  #allFeeds() {
    const gradient = this.#makeFeeds(this.#sessions.gradient.inputs);
    return { gradient, forward: pick(gradient, this.#sessions.forward?.inputs ?? []) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { forward, gradient, shortcut } = this.#sessions;
    for (const compiled of [forward, gradient, shortcut]) await compiled?.session.release();
  }
}
