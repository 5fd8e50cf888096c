import {
  type Backend,
  computeGradient,
  floatArray,
  GRAPH_METHODS,
  type GradientFunction,
  type MethodId,
  type SyncGradient,
  syncBackend,
  USUAL_DTYPE_IDS,
} from "@softmax-bench/core";
import { plainGradient } from "./plain-gradient.js";

/** A user's gradient in plain JavaScript. It is measured on the backend `javascript`. */
export interface OwnGradient {
  /** A name of the user's, a slash, a name: `mine/fast`. */
  readonly id: MethodId;
  readonly gradient: GradientFunction;
}

/** A user's loss in ops of TensorFlow.js, which its tape differentiates. It is measured on that backend. */
export interface OwnLoss {
  readonly id: MethodId;
  readonly backend: (typeof LOSS_BACKENDS)[number];
  /** Takes logits `[N, C]` (float32) and labels `[N]` (int32). @returns the mean of the rows' losses, a scalar */
  readonly loss: (logits: never, labels: never) => unknown;
}

export type OwnMethod = OwnGradient | OwnLoss;

/** The backends whose tensors a loss may take. */
export const LOSS_BACKENDS = ["tfjs-wasm", "tfjs-cpu", "tfjs-node-gpu"] as const;

/** The backend of gradients in plain JavaScript. */
export const JAVASCRIPT = "javascript";

/** The backend that has a user's method. */
export const backendOf = (method: OwnMethod): string => ("loss" in method ? method.backend : JAVASCRIPT);

/**
 * The backend of the gradients in plain JavaScript; undefined if there are none. It also has a method of
 * ours, to compare with and to start with: if one of the user's fails, the others are measured.
 */
export function javascriptBackend(methods: readonly OwnMethod[]): Backend | undefined {
  const own = methods.flatMap((method) => ("gradient" in method ? [method] : []));
  if (own.length === 0) return undefined;
  const gradients = [{ id: "manual/shifted", gradient: plainGradient } as const, ...own];
  return syncBackend({
    id: JAVASCRIPT,
    version: process.versions.node,
    dtypes: USUAL_DTYPE_IDS,
    methods: Object.fromEntries(gradients.map((method) => [method.id, toFunction(method)])),
  });
}

/** Its forward phase computes the gradient, too: there is no other function. */
const toFunction =
  ({ id: name, gradient: compute }: OwnGradient): SyncGradient =>
  ({ rows, classes, dtype }, { logits, labels }, wanted) => {
    const gradient = wanted ?? floatArray(dtype, rows * classes);
    const problem = { logits, labels: labels as Int32Array, rows, classes, dtype, gradient };
    return computeGradient(compute, problem, name);
  };

/** A variable that tells a worker that its backend has methods of the config's. */
export const OWN_METHODS = "SOFTMAX_BENCH_OWN_METHODS";

/** A backend with the losses of a config that are in its tensors. */
export function withOwnLosses(backend: Backend, methods: readonly OwnMethod[]): Backend {
  const losses = methods.flatMap((method) =>
    "loss" in method && method.backend === backend.id ? [method] : [],
  );
  if (losses.length === 0) return backend;
  return {
    ...backend,
    methods: [...GRAPH_METHODS, ...losses].map((method) => method.id),
    environment: async () => ({ ...(await backend.environment?.()), [OWN_METHODS]: "1" }),
    async open(options) {
      const engine = await backend.open(options);
      const { OwnLossEngine } = await import("@softmax-bench/tfjs");
      return new OwnLossEngine(
        engine,
        new Map(losses.map(({ id: method, loss }) => [method, loss as never])),
      );
    },
  };
}
