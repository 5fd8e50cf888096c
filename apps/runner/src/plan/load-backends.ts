import { type Backend, messageOf, reinstallLine } from "@softmax-bench/core";
import { absentBackend, findAbsence } from "./absent-backend.js";
import { BACKENDS } from "./backends.js";
import type { LoadedConfig } from "./config.js";
import { backendOf, OWN_METHODS, withOwnLosses } from "./own-methods.js";

/**
 * Backends by id: those of this repository, and those of the `bench.config.ts` in the current folder. The config is
 * read once per process and only if needed: a worker for a backend of this repository runs no code of the user's, unless
 * the user added methods to that backend.
 */

/** Names that a user may select. */
export interface Registry {
  /** In measuring order. */
  readonly backends: readonly string[];
  /** The config's own methods, and the backend that has each. */
  readonly ownMethods: ReadonlyMap<string, string>;
}

/** All backends and the config's own methods. @throws UsageError if `bench.config.ts` is wrong */
export async function loadRegistry(): Promise<Registry> {
  const { ownBackends, ownMethods } = await config();
  return {
    backends: [...Object.keys(BACKENDS), ...ownBackends.keys()],
    ownMethods: new Map(ownMethods.map((method) => [method.id, backendOf(method)])),
  };
}

/** The ids of all backends, in measuring order. @throws UsageError if `bench.config.ts` is wrong */
export const backendIds = async (): Promise<readonly string[]> => (await loadRegistry()).backends;

/**
 * One backend; undefined for an unknown id.
 * @throws UsageError if it would be in `bench.config.ts`, and that is wrong
 */
export async function loadBackend(id: string): Promise<Backend | undefined> {
  const backend = await loadBuiltIn(id);
  const { ownBackends, ownMethods } = await config();
  return backend ? withOwnLosses(backend, ownMethods) : ownBackends.get(id);
}

/** The module in which workers find `loadBackend`. */
export const BACKENDS_MODULE = new URL("./worker-backends.js", import.meta.url).href;

/** One backend in its worker; undefined for an unknown id. */
export async function loadInWorker(id: string): Promise<Backend | undefined> {
  const backend = await loadBuiltIn(id);
  return backend && process.env[OWN_METHODS] === undefined ? backend : loadBackend(id);
}

/** Backends by id. Unknown ids are left out. */
export async function loadBackends(ids: Iterable<string>): Promise<ReadonlyMap<string, Backend>> {
  const loaded = await Promise.all([...ids].map(async (id) => [id, await loadBackend(id)] as const));
  return new Map(loaded.flatMap(([id, backend]) => (backend ? [[id, backend] as const] : [])));
}

/** A backend of this repository. It is unavailable if its package is not in this installation. */
async function loadBuiltIn(id: string): Promise<Backend | undefined> {
  if (!Object.hasOwn(BACKENDS, id)) return undefined;
  const absence = findAbsence(id);
  if (absence) return absentBackend(id, absence);
  try {
    return await BACKENDS[id]?.();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    const [reason = ""] = messageOf(error).split("\n", 1);
    return absentBackend(id, { reason, remedy: reinstallLine() });
  }
}

async function config(): Promise<LoadedConfig> {
  const { loadConfig } = await import("./config.js");
  return loadConfig(process.cwd());
}
