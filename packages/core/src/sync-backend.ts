import {
  type Backend,
  type CodeKind,
  ContractError,
  type Engine,
  type EngineInfo,
  type GradientResult,
  type Inputs,
  type Prepared,
  type Support,
} from "./backend.js";
import { floatArray, floatArrayFrom } from "./dtypes.js";
import type { FloatArray } from "./float-array.js";
import { DEFAULT_LOSS } from "./loss-options.js";
import { METHODS, type MethodId } from "./methods.js";
import { plural } from "./plural.js";
import type { GradientTask } from "./program.js";
import { requireInputs } from "./require-inputs.js";

/**
 * Computes the loss of a task and, if an array is given, its gradient with respect to the logits.
 *
 * @param gradient `[N, C]` to fill, in the task's dtype; undefined if only the loss is wanted
 * @returns the loss: a number, or one for each row with reduction "none"
 */
export type SyncGradient = (
  task: GradientTask,
  inputs: Inputs,
  gradient: FloatArray | undefined,
) => number | ArrayLike<number>;

export interface SyncBackendOptions extends Pick<Backend, "id" | "dtypes" | "kernels" | "cost"> {
  /** The version of the measured code; a change of it explains a change of times. */
  readonly version: string;
  /** The functions by method; it supports no other methods. */
  readonly methods: Readonly<Partial<Record<MethodId, SyncGradient>>>;
  /** The kind of code of the functions. Default: `javascript`. */
  readonly code?: CodeKind;
  /** Returns the support for a task of its methods and dtypes. Default: the plain loss, see `isPlainLoss`. */
  supports?(task: GradientTask): Support;
}

/**
 * A backend that needs no runtime: each method is one function that computes on the CPU, on one thread, on arrays of
 * JavaScript. If a runtime must be started, compiled for or synchronised with, implement `Backend` itself.
 */
export function syncBackend(options: SyncBackendOptions): Backend {
  const { id, dtypes, methods, version, kernels, cost, code = "javascript" } = options;
  return {
    id,
    dtypes,
    methods: Object.keys(methods).sort(byRegistry) as MethodId[],
    ...(kernels ? { kernels } : {}),
    ...(cost ? { cost } : {}),
    probe: async () => ({ available: true }),
    open: async () =>
      new SyncEngine(options, {
        engine: { name: id, version, code },
        device: { kind: "cpu", name: DEVICES[code] },
        threads: 1,
        dtypes,
      }),
  };
}

/** Compares ids of methods: ours in their order, then all others as they come. */
const byRegistry = (a: string, b: string): number => placeOf(a) - placeOf(b);

const placeOf = (id: string): number => {
  const place = METHODS.findIndex((method) => method.id === id);
  return place < 0 ? METHODS.length : place;
};

const DEVICES: Readonly<Record<CodeKind, string>> = {
  native: "native code",
  webassembly: "WebAssembly",
  javascript: "JavaScript",
};

/** The limit of methods that have no options of the loss. */
export const PLAIN_LOSS_ONLY = "the plain loss only: the mean over rows with one label each";

/** True if a loss is the mean over rows that all have a class as their label, without weights or smoothing. */
export function isPlainLoss({ loss }: Pick<GradientTask, "loss">): boolean {
  const { reduction, targets, weighted, ignoreIndex, labelSmoothing } = { ...DEFAULT_LOSS, ...loss };
  return (
    reduction === "mean" &&
    targets === "labels" &&
    !weighted &&
    ignoreIndex === undefined &&
    labelSmoothing === 0
  );
}

class SyncEngine implements Engine {
  readonly info: EngineInfo;
  readonly #options: SyncBackendOptions;

  constructor(options: SyncBackendOptions, info: EngineInfo) {
    this.#options = options;
    this.info = info;
  }

  supports(task: GradientTask): Support {
    const { id, dtypes, methods } = this.#options;
    if (!this.#findFunction(task))
      return { ok: false, reason: `${id} has ${Object.keys(methods).join(", ")} only` };
    if (!dtypes.includes(task.dtype)) return { ok: false, reason: `${id} has ${dtypes.join(" and ")} only` };
    if (this.#options.supports) return this.#options.supports(task);
    return isPlainLoss(task) ? { ok: true } : { ok: false, reason: `${id} has ${PLAIN_LOSS_ONLY}` };
  }

  async prepare(task: GradientTask, inputs: Inputs): Promise<Prepared> {
    const support = this.supports(task);
    const compute = this.#findFunction(task);
    if (!support.ok || !compute) throw new Error(support.ok ? `there is no ${task.method}` : support.reason);
    requireInputs(task, inputs);
    return new SyncPrepared(task, inputs, compute);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #findFunction({ method }: GradientTask): SyncGradient | undefined {
    const { methods } = this.#options;
    return Object.hasOwn(methods, method) ? methods[method] : undefined;
  }
}

/** Inputs and gradient stay in place: nothing is copied. */
class SyncPrepared implements Prepared {
  readonly readback = "copies";
  readonly #task: GradientTask;
  readonly #inputs: Inputs;
  readonly #compute: SyncGradient;
  readonly #gradient: FloatArray;
  /** The loss of the gradient; undefined before it is computed. */
  #loss: FloatArray | undefined;

  constructor(task: GradientTask, inputs: Inputs, compute: SyncGradient) {
    this.#task = task;
    this.#inputs = inputs;
    this.#compute = compute;
    this.#gradient = floatArray(task.dtype, task.rows * task.classes);
  }

  async upload(): Promise<void> {
    this.#loss = undefined;
  }

  async forward(): Promise<void> {
    this.#lossOf(undefined);
  }

  async gradient(): Promise<void> {
    this.#loss = this.#lossOf(this.#gradient);
  }

  async read(): Promise<GradientResult> {
    this.#loss ??= this.#lossOf(this.#gradient);
    return { loss: this.#loss, gradient: this.#gradient };
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** @throws ContractError if the function returns a wrong number of losses for the task */
  #lossOf(gradient: FloatArray | undefined): FloatArray {
    const { method, dtype, rows, loss } = this.#task;
    const returned: unknown = this.#compute(this.#task, this.#inputs, gradient);
    const losses = typeof returned === "number" ? [returned] : (returned as ArrayLike<number> | undefined);
    const count = loss?.reduction === "none" ? rows : 1;
    if (losses?.length === count) return floatArrayFrom(dtype, losses);
    const got = losses?.length === undefined ? String(returned) : plural(losses.length, "loss", "losses");
    throw new ContractError(
      `${method}: expected it to return ${plural(count, "loss", "losses")}, got ${got}`,
    );
  }
}
