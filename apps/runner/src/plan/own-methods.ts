import {
  type Backend,
  computeGradient,
  floatArray,
  type GradientFunction,
  METHODS,
  type MethodId,
  type SyncGradient,
  syncBackend,
  USUAL_DTYPE_IDS,
} from "@softmax-bench/core";
import { describeIssue, schema } from "@softmax-bench/core/results";
import { z } from "zod";
import { UsageError } from "../terminal/errors.js";
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

const LOSS_BACKENDS = ["tfjs-wasm", "tfjs-cpu", "tfjs-node-gpu"] as const;

/** The backend of gradients in plain JavaScript. */
export const JAVASCRIPT = "javascript";

/** The backend that has a user's method. */
export const backendOf = (method: OwnMethod): string => ("loss" in method ? method.backend : JAVASCRIPT);

/**
 * Reads a config's list of methods: which to measure, and the config's own among them.
 *
 * @param config the name of the file, for messages
 * @throws UsageError for the first entry that is neither a glob nor a complete method with an id of its own
 */
export function resolveMethods(
  entries: readonly unknown[],
  config: string,
): { globs: readonly string[]; own: readonly OwnMethod[] } {
  const own: OwnMethod[] = [];
  const globs = entries.map((entry, index) => {
    if (typeof entry === "string") return entry;
    const where = `${config}: methods[${index}]`;
    const method = checkMethod(entry, where);
    if (own.some(({ id }) => id === method.id)) {
      throw new UsageError(`${where}: id: expected each once, got "${method.id}" again; choose another`);
    }
    own.push(method);
    return method.id;
  });
  return { globs, own };
}

function checkMethod(value: unknown, where: string): OwnMethod {
  if (typeof value !== "object" || value === null) {
    throw new UsageError(
      `${where}: expected a glob, or a method with an id and a loss or a gradient; got ${JSON.stringify(value) ?? typeof value}`,
    );
  }
  const has = (member: string) => member in value;
  if (has("loss") === has("gradient")) {
    const got = has("loss") ? "both" : `neither, but ${Object.keys(value).join(", ") || "nothing"}`;
    throw new UsageError(
      `${where}: expected a loss (in tensors of TensorFlow.js) or a gradient (in arrays), got ${got}`,
    );
  }
  const parsed = (has("loss") ? lossShape : gradientShape).safeParse(value);
  if (parsed.success) return value as OwnMethod;
  throw new UsageError(`${where}: ${describeIssue(parsed.error, value)}`);
}

const aFunction = z.custom<(...values: never) => unknown>((value) => typeof value === "function", {
  error: ({ input }) => `expected a function${input === undefined ? ", got nothing" : ""}`,
});

/** Words before the slash that are taken. */
const KINDS = [...new Set(METHODS.map(({ kind }) => kind))];

const id = z
  .string()
  .refine(
    (text) =>
      schema.id.safeParse(text).success &&
      /^[^/@]+\/[^/@]+$/.test(text) &&
      !KINDS.some((kind) => text.startsWith(`${kind}/`)),
    `expected two names with a slash between them, such as "mine/fast", the first one not ${KINDS.join(" or ")}`,
  );

const gradientShape = z.strictObject({ id, gradient: aFunction });
const lossShape = z.strictObject({
  id,
  loss: aFunction,
  backend: z
    .string("expected the backend whose tensors it takes")
    .refine(
      (text) => LOSS_BACKENDS.some((known) => known === text),
      `expected ${LOSS_BACKENDS.join(", ")}, since a loss takes tensors of TensorFlow.js (give a gradient elsewhere)`,
    ),
});

/**
 * The backend of the gradients in plain JavaScript; undefined if there are none. It has a method besides, to compare with, and to
 * start with: a user's that breaks costs no other.
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
    methods: [...METHODS, ...losses].map((method) => method.id),
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
