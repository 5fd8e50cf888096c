import type { Backend } from "@softmax-bench/core";
import { BACKENDS } from "./backends.js";

/**
 * Backends by id: those of this repository, and those of the `bench.config.ts` in the current folder. The config is
 * read once per process and only if needed: a worker for a backend of this repository runs no code of the user's.
 */

/** The module in which workers find `loadBackend`. */
export const BACKENDS_MODULE = import.meta.url;

/** The ids of all backends, in measuring order. @throws UsageError if `bench.config.ts` is wrong */
export const backendIds = async (): Promise<readonly string[]> => [
  ...Object.keys(BACKENDS),
  ...(await ownBackends()).keys(),
];

/**
 * One backend; undefined for an unknown id.
 * @throws UsageError if it would be in `bench.config.ts`, and that is wrong
 */
export const loadBackend = async (id: string): Promise<Backend | undefined> =>
  Object.hasOwn(BACKENDS, id) ? BACKENDS[id]?.() : (await ownBackends()).get(id);

/** Backends by id. Unknown ids are left out. */
export async function loadBackends(ids: Iterable<string>): Promise<ReadonlyMap<string, Backend>> {
  const loaded = await Promise.all([...ids].map(async (id) => [id, await loadBackend(id)] as const));
  return new Map(loaded.flatMap(([id, backend]) => (backend ? [[id, backend] as const] : [])));
}

async function ownBackends(): Promise<ReadonlyMap<string, Backend>> {
  const { loadConfig } = await import("./config.js");
  return (await loadConfig(process.cwd())).ownBackends;
}
