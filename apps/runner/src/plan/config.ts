import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Backend, messageOf } from "@softmax-bench/core";
import { createJiti } from "jiti";
import { UsageError } from "../terminal/errors.js";
import { type BenchOptions, checkOptions } from "./options.js";
import { type ModuleLoader, resolveBackends } from "./own-backends.js";
import { withinTime } from "./within-time.js";

/**
 * What a `bench.config.ts` sets: what flags set, and backends from outside this repository.
 *
 * A worker is another process, which no object reaches. What makes the object does: a worker reads the same `bench.config.ts`,
 * from the folder that it shares with its parent, and takes the backend that it is for. So a backend may be an object that the
 * config imports, or a module that the config names, and both go the same way.
 */
export interface Config extends Omit<BenchOptions, "backends"> {
  /**
   * The backends to measure, unless `--backend` says: ids, `all`, `Backend`s, and modules by path (from the config's folder) or
   * package name, of which every export that is a `Backend` counts. Default: all.
   */
  readonly backends?: readonly (string | Backend)[];
}

/** Types a `bench.config.ts`: `export default defineConfig({ profile: "smoke" })`. */
export const defineConfig = (config: Config): Config => config;

export interface LoadedConfig {
  /** `backends` as ids. */
  readonly options: BenchOptions;
  readonly ownBackends: ReadonlyMap<string, Backend>;
}

const FILE = "bench.config.ts";

/** A config that has not loaded by then never does, in milliseconds. */
const TIMEOUT_MS = 60_000;

/** By folder: a config is read once, and its backends are the same objects to everyone. */
const loaded = new Map<string, Promise<LoadedConfig>>();

/** The `bench.config.ts` of a folder; an empty one if there is no such file. @throws UsageError if it is wrong */
export function loadConfig(folder: string): Promise<LoadedConfig> {
  const config = loaded.get(folder) ?? readConfig(resolve(folder, FILE));
  loaded.set(folder, config);
  return config;
}

async function readConfig(file: string): Promise<LoadedConfig> {
  if (!existsSync(file)) return { options: {}, ownBackends: new Map() };
  const load = moduleLoader(file);
  const value: unknown = await load.import(file, FILE, { default: true });
  if (!isConfig(value)) return { options: checkOptions(value, FILE), ownBackends: new Map() };
  const { backends, ...others } = value;
  const { ids, own } = await resolveBackends(backends, FILE, load);
  return { options: checkOptions({ ...others, backends: ids }, FILE), ownBackends: own };
}

/** Whether there are backends to resolve; what else is wrong is left to the check of options. */
const isConfig = (value: unknown): value is { readonly backends: readonly unknown[] } =>
  typeof value === "object" && value !== null && "backends" in value && Array.isArray(value.backends);

const HERE = fileURLToPath(new URL("..", import.meta.url));

/** This package, for configs that are run where it is not installed. */
const SELF = { "@softmax-bench/runner": fileURLToPath(import.meta.resolve("@softmax-bench/runner")) };

/** Loads modules, TypeScript too, as if a file imported them. */
function moduleLoader(file: string): ModuleLoader {
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

/** Whether code is not the user's. */
const isElsewhere = (place: string): boolean => place.includes("/node_modules/") || place.startsWith(HERE);

/** The first line of what was thrown, and where, if that is known. */
function whyNot(error: unknown): string {
  const [line = ""] = messageOf(error).trim().split(/\s*\n/, 1);
  const place = error instanceof Error && /(?:file:\/\/)?(\/[^\s()]+:\d+:\d+)/.exec(error.stack ?? "")?.[1];
  const isKnown = place && !isElsewhere(place) && !line.includes(place);
  return [line || "an error without a message", ...(isKnown ? [`thrown at ${place}`] : [])].join("; ");
}
