import { type Backend, messageOf } from "@softmax-bench/core";
import { BUNDLE, findAbsence } from "../bundle/manifest.js";
import { absentBackend } from "./absent-backend.js";
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
export async function loadBackend(id: string): Promise<Backend | undefined> {
  const load = Object.hasOwn(BACKENDS, id) ? BACKENDS[id] : undefined;
  if (!load) return (await ownBackends()).get(id);
  const absence = findAbsence(id);
  if (absence) return absentBackend(id, absence);
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    const [reason = ""] = messageOf(error).split("\n", 1);
    return absentBackend(id, { reason, remedy: BUNDLE ? "unpack the bundle again" : "pnpm install --force" });
  }
}

/** Backends by id. Unknown ids are left out. */
export async function loadBackends(ids: Iterable<string>): Promise<ReadonlyMap<string, Backend>> {
  const loaded = await Promise.all([...ids].map(async (id) => [id, await loadBackend(id)] as const));
  return new Map(loaded.flatMap(([id, backend]) => (backend ? [[id, backend] as const] : [])));
}

async function ownBackends(): Promise<ReadonlyMap<string, Backend>> {
  const { loadConfig } = await import("./config.js");
  return (await loadConfig(process.cwd())).ownBackends;
}
