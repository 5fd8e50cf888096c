import { type Backend, DTYPE_IDS, METHODS, messageOf } from "@softmax-bench/core";
import { describeIssue, schema } from "@softmax-bench/core/results";
import { RUNTIME_KINDS } from "@softmax-bench/host-node";
import { z } from "zod";
import { UsageError } from "../terminal/errors.js";
import { BACKENDS } from "./backends.js";
import { JAVASCRIPT } from "./own-methods.js";
import { unknownValue } from "./unknown-value.js";

/** Access of a config to modules. */
export interface ModuleLoader {
  /** Returns whether there is such a module. */
  has(specifier: string): boolean;
  /** @throws UsageError, beginning with `where`, if the module does not load */
  import(specifier: string, where: string, options?: { readonly default: true }): Promise<unknown>;
}

/**
 * Reads a config's list of backends: which to measure, and the config's own among them.
 *
 * @param config the name of the file, for messages
 * @throws UsageError for the first entry that is not an id, a `Backend`, or a module with at least one
 */
export async function resolveBackends(
  entries: readonly unknown[],
  config: string,
  load: ModuleLoader,
): Promise<{ ids: readonly string[]; own: ReadonlyMap<string, Backend> }> {
  const ids: string[] = [];
  const own = new Map<string, Backend>();
  for (const [index, entry] of entries.entries()) {
    if (isBuiltIn(entry)) {
      ids.push(entry);
      continue;
    }
    const where = `${config}: backends[${index}]`;
    for (const { value, name } of await loadCandidates(entry, where, load)) {
      const backend = checkBackend(value, name);
      const { id } = backend;
      if (isTaken(id)) {
        throw new UsageError(`${name}: id: expected one that is not taken, got "${id}"; choose another`);
      }
      if (own.has(id) && own.get(id) !== backend) {
        throw new UsageError(`${name}: id: expected each once, got "${id}" again; choose another`);
      }
      own.set(id, backend);
      ids.push(id);
    }
  }
  return { ids, own };
}

const ALL = "all";

/** The most exports of a module that a message lists. */
const MOST_NAMES = 8;

/** True if an entry stands for backends of this repository. */
const isBuiltIn = (entry: unknown): entry is string =>
  typeof entry === "string" && (entry === ALL || isTaken(entry));

const isTaken = (id: string): boolean => id === JAVASCRIPT || Object.hasOwn(BACKENDS, id);

/** A value that should be a backend, and its name in messages. */
interface Candidate {
  readonly value: unknown;
  readonly name: string;
}

async function loadCandidates(entry: unknown, where: string, load: ModuleLoader): Promise<Candidate[]> {
  if (typeof entry === "object" && entry !== null) return [{ value: entry, name: where }];
  if (typeof entry !== "string" || entry === "") {
    throw new UsageError(`${where}: expected an id, a Backend or a module, got ${shown(entry)}`);
  }
  if (!load.has(entry)) {
    if (/^(?:[./]|file:)/.test(entry)) {
      throw new UsageError(`${where}: expected a module, and there is no ${JSON.stringify(entry)}`);
    }
    const { message } = unknownValue("backend", entry, Object.keys(BACKENDS));
    throw new UsageError(`${where}: ${message}; nor is a package of that name installed`);
  }
  const module = await load.import(entry, `${where}: ${JSON.stringify(entry)}`);
  const exported = Object.entries(module as Readonly<Record<string, unknown>>);
  const candidates = exported.filter(([, value]) => isBackendLike(value));
  if (candidates.length > 0) {
    // The default export may be one of the others.
    const byValue = new Map(candidates.map(([name, value]) => [value, name]));
    return [...byValue].map(([value, name]) => ({
      value,
      name: `${where}: ${name} of ${JSON.stringify(entry)}`,
    }));
  }
  const names = exported.map(([name]) => name);
  const got = [...names.slice(0, MOST_NAMES), ...(names.length > MOST_NAMES ? ["…"] : [])];
  throw new UsageError(
    `${where}: expected ${JSON.stringify(entry)} to export a Backend, got ${got.join(", ") || "nothing"}`,
  );
}

/** True if an export is meant to be a backend, complete or not. */
const isBackendLike = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "id" in value && ("open" in value || "probe" in value);

const shown = (value: unknown): string =>
  typeof value === "function" ? "a function" : (JSON.stringify(value) ?? String(value));

/** @throws UsageError naming the member, if the value is not a `Backend` */
function checkBackend(value: unknown, name: string): Backend {
  const problem = findProblem(value);
  if (problem === undefined) return value as Backend;
  throw new UsageError(`${name}: ${problem}; see Backend in @softmax-bench/core`);
}

function findProblem(value: unknown): string | undefined {
  try {
    const parsed = shape.safeParse(value);
    return parsed.success ? undefined : describeIssue(parsed.error, value);
  } catch (error) {
    return `expected members that can be read, got ${messageOf(error)}`;
  }
}

const method = z.custom<(...values: never) => unknown>((value) => typeof value === "function", {
  error: ({ input }) => `expected a function${input === undefined ? ", got nothing" : ""}`,
});

/** Members that are read before a worker opens a backend. A worker's results are checked when they arrive. */
const shape = z.looseObject({
  id: z
    .string()
    .refine(
      (id) => schema.id.safeParse(id).success && id !== ALL && !id.includes("@"),
      'expected letters, digits and any of _ . + - /, beginning with a letter or a digit, and not "all"',
    ),
  dtypes: z.array(z.enum(DTYPE_IDS)).min(1),
  // A page has only the backends that it was built with.
  hosts: z.array(z.enum(RUNTIME_KINDS)).min(1).optional(),
  methods: z
    .array(z.enum(METHODS.map(({ id }) => id)))
    .min(1)
    .optional(),
  kernels: z
    .looseObject({
      exp: z.looseObject({ fixed: z.number(), perArgument: z.number() }),
      log: z.looseObject({ absolute: z.number(), relative: z.number() }),
      division: z.number(),
    })
    .optional(),
  cost: z
    .looseObject({
      nsPerElement: z.number().positive(),
      mostElements: z.number().positive().optional(),
      mostElementsInGate: z.number().positive().optional(),
    })
    .optional(),
  trainsFast: z.boolean().optional(),
  probe: method,
  open: method,
  environment: method.optional(),
  provision: method.optional(),
});
