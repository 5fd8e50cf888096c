import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Backend, messageOf } from "@softmax-bench/core";
import { UsageError } from "../terminal/errors.js";
import { type BenchOptions, checkOptions } from "./options.js";
import { type ModuleLoader, resolveBackends } from "./own-backends.js";
import { javascriptBackend, type OwnMethod } from "./own-methods.js";
import { resolveMethods } from "./resolve-methods.js";
import { withinTime } from "./within-time.js";

/**
 * The settings of a `bench.config.ts`: those of the flags, and backends and methods from outside this repository.
 *
 * No object reaches a worker, which is another process. The source does: a worker reads the same `bench.config.ts`,
 * from the folder that it shares with its parent, and takes its backend. So a backend may be an object that the config
 * imports, or a module that the config names. Both are loaded the same way.
 */
export interface Config extends Omit<BenchOptions, "backends" | "methods"> {
  /**
   * The backends to measure, unless `--backend` is given: ids, `all`, `Backend`s, and modules by path (from the
   * config's folder) or package name, of which every export that is a `Backend` counts. Default: all.
   */
  readonly backends?: readonly (string | Backend)[];
  /**
   * The methods to measure, unless `--method` is given: globs over ids, `all`, and methods of your own, each a loss in tensors of
   * TensorFlow.js or a gradient in plain JavaScript. Default: all.
   */
  readonly methods?: readonly (string | OwnMethod)[];
}

/** Types a `bench.config.ts`: `export default defineConfig({ profile: "smoke" })`. */
export const defineConfig = (config: Config): Config => config;

export interface LoadedConfig {
  /** `backends` and `methods` as ids and globs. */
  readonly options: BenchOptions;
  readonly ownBackends: ReadonlyMap<string, Backend>;
  readonly ownMethods: readonly OwnMethod[];
}

const withoutOwn = (options: BenchOptions): LoadedConfig => ({
  options,
  ownBackends: new Map(),
  ownMethods: [],
});

const FILE = "bench.config.ts";

/** Time limit for loading a config, in milliseconds. */
const TIMEOUT_MS = 60_000;

/** Loaded configs by folder. Each is read once, so its backends are the same objects everywhere. */
const loaded = new Map<string, Promise<LoadedConfig>>();

/** The `bench.config.ts` of a folder; an empty one if there is no such file. @throws UsageError if it is wrong */
export function loadConfig(folder: string): Promise<LoadedConfig> {
  const config = loaded.get(folder) ?? readConfig(resolve(folder, FILE));
  loaded.set(folder, config);
  return config;
}

async function readConfig(file: string): Promise<LoadedConfig> {
  if (!existsSync(file)) return withoutOwn({});
  const load = await moduleLoader(file);
  const value: unknown = await load.import(file, FILE, { default: true });
  if (typeof value !== "object" || value === null) return withoutOwn(checkOptions(value, FILE));
  // The check of options reports all other mistakes.
  const { backends, methods } = value as Readonly<Record<string, unknown>>;
  const { globs, own: ownMethods } = resolveMethods(Array.isArray(methods) ? methods : [], FILE);
  const { ids, own } = await resolveBackends(Array.isArray(backends) ? backends : [], FILE, load);
  const javascript = javascriptBackend(ownMethods);
  const options = {
    ...value,
    ...(Array.isArray(methods) ? { methods: globs } : {}),
    ...(Array.isArray(backends) ? { backends: ids } : {}),
  };
  return {
    options: checkOptions(options, FILE),
    ownBackends: new Map([...own, ...(javascript ? [[javascript.id, javascript] as const] : [])]),
    ownMethods,
  };
}

const HERE = fileURLToPath(new URL("..", import.meta.url));

/** This package under both of its names, for configs in folders where it is not installed. */
const INDEX = fileURLToPath(import.meta.resolve("@softmax-bench/runner"));
const SELF = { "@softmax-bench/runner": INDEX, "softmax-bench": INDEX };

/** Loads modules, also TypeScript, as if a file imported them. */
async function moduleLoader(file: string): Promise<ModuleLoader> {
  const { createJiti } = await import("jiti");
  const jiti = createJiti(file, { alias: SELF });
  return {
    has: (specifier) => jiti.esmResolve(specifier, { try: true }) !== undefined,
    async import(specifier, where, options) {
      try {
        return await withinTime(jiti.import(specifier, options), TIMEOUT_MS);
      } catch (error) {
        throw new UsageError(`${where} does not load: ${whyNot(error)}`);
      }
    },
  };
}

/** True if a piece of code is not the user's. */
const isElsewhere = (place: string): boolean => place.includes("/node_modules/") || place.startsWith(HERE);

/** The first line of a thrown error, and its place if known. */
function whyNot(error: unknown): string {
  const [line = ""] = messageOf(error).trim().split(/\s*\n/, 1);
  const place = error instanceof Error && /(?:file:\/\/)?(\/[^\s()]+:\d+:\d+)/.exec(error.stack ?? "")?.[1];
  const isKnown = place && !isElsewhere(place) && !line.includes(place);
  return [line || "an error without a message", ...(isKnown ? [`thrown at ${place}`] : [])].join("; ");
}
