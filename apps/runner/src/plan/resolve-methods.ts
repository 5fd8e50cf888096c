import { METHODS } from "@softmax-bench/core";
import { describeIssue, schema } from "@softmax-bench/core/results";
import { z } from "zod";
import { UsageError } from "../terminal/errors.js";
import { LOSS_BACKENDS, type OwnMethod } from "./own-methods.js";

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
export const KINDS = [...new Set(METHODS.map(({ kind }) => kind))];

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
